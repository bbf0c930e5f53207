"""How much a night can carry, and which setting to turn where it cannot: arithmetic on rates."""
