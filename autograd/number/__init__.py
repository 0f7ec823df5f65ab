"""What a node may hold, and the operations on it; knows no node."""
