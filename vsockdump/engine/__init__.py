"""The compiled core: blocks of captured bytes in, columns and text out."""
