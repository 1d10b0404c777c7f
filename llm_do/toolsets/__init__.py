"""The built-in toolsets, workers offered as tools, and the wrapper that joins every toolset to the gate."""
