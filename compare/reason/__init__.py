"""Why a gradient differs; never decides whether."""
