"""What a command needs and was not given: asked where somebody answers."""

from __future__ import annotations

import typer

from batch_transform.scoring.errors import ConfigurationError


def asked(given: str | None, question: str, flag: str, default: str | None = None) -> str:
    """Return what was given, or ask for it.

    Args:
        given: by a flag; None or empty where it was not.
        question: for people.
        flag: that would have given it.
        default: what an empty answer means; None where one is needed.

    Raises:
        ConfigurationError: nobody answers.
    """
    if given:
        return given
    try:
        answer: str = typer.prompt(question, default=default, err=True)
    except typer.Abort as error:
        typer.echo(err=True)  # the question has no end of its line
        raise ConfigurationError(f"{flag} is missing, and nobody answers: {question}") from error
    return answer.strip()


def names(text: str | None) -> tuple[str, ...]:
    """Take names apart that were given as ``a,b,c``."""
    return tuple(name for each in (text or "").split(",") if (name := each.strip()))
