"""Optimizers, as ``torch.optim``."""

from refgrad.optim import lr_scheduler
from refgrad.optim.adadelta import Adadelta
from refgrad.optim.adagrad import Adagrad
from refgrad.optim.adam import Adam
from refgrad.optim.adamax import Adamax
from refgrad.optim.adamw import AdamW
from refgrad.optim.asgd import ASGD
from refgrad.optim.nadam import NAdam
from refgrad.optim.optimizer import Optimizer
from refgrad.optim.radam import RAdam
from refgrad.optim.rmsprop import RMSprop
from refgrad.optim.rprop import Rprop
from refgrad.optim.sgd import SGD

__all__ = [
    "ASGD", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "Optimizer", "RAdam", "RMSprop", "Rprop",
    "lr_scheduler",
]  # fmt: skip
