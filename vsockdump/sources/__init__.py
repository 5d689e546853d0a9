"""Where packets come from: files, and the links of this machine."""
