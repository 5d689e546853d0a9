"""The filter language: an expression to a tree, a tree to what the kernel and the engine run."""
