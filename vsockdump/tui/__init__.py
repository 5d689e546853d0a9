"""The terminal interface: what the rest of vsockdump finds, on a screen. Nothing imports it."""
