"""Optimizers, as ``torch.optim``."""

from refgrad.optim import lr_scheduler
from refgrad.optim.adagrad import Adagrad
from refgrad.optim.adam import Adam
from refgrad.optim.adamw import AdamW
from refgrad.optim.optimizer import Optimizer
from refgrad.optim.rmsprop import RMSprop
from refgrad.optim.sgd import SGD

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "lr_scheduler"]
