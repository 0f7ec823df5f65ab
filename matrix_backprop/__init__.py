"""Back propagation by the matrix formulas derived by hand, in plain NumPy.

>>> from matrix_backprop import Network, load_penguins
>>> data = load_penguins()
>>> net = Network([4, 5, 3], activations=["tanh", "softmax"], seed=0)
>>> back = net.backward(net.forward(data.X), data.Y)
>>> [dJdW.shape for dJdW in back.dJdW[1:]]
[(4, 5), (5, 3)]
"""

from .datasets import Dataset, load_breast_cancer, load_csv, load_penguins
from .formulas import dJda, dJdb, dJdW, dJdz, dJdz_logistic
from .network import Backward, Forward, Network, Step

__all__ = [
    "Backward",
    "Dataset",
    "Forward",
    "Network",
    "Step",
    "dJdW",
    "dJda",
    "dJdb",
    "dJdz",
    "dJdz_logistic",
    "load_breast_cancer",
    "load_csv",
    "load_penguins",
]
