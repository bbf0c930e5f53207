"""How pleased the writer of a support message sounds, from 0 to 1."""
