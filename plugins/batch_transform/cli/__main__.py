"""``python -m batch_transform.cli``, for a plugins folder, which installs no command."""

from batch_transform.cli.program import main

if __name__ == "__main__":
    main()
