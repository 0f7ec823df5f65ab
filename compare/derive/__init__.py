"""The backward pass written out from `matrix_backprop.rules`, in the user's own names, and proved."""
