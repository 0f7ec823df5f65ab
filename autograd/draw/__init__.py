"""A graph as DOT text, as SVG, and in a notebook."""
