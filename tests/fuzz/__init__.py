"""Random and mutated captures, with hypothesis in the tests and with atheris beside them."""
