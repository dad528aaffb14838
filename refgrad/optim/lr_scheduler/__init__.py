"""Learning rates that change with the epochs, as ``torch.optim.lr_scheduler``."""

from refgrad.optim.lr_scheduler.cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from refgrad.optim.lr_scheduler.cycles import CyclicLR, OneCycleLR
from refgrad.optim.lr_scheduler.factors import (
    ConstantLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from refgrad.optim.lr_scheduler.plateau import ReduceLROnPlateau
from refgrad.optim.lr_scheduler.schedule import LRScheduler
from refgrad.optim.lr_scheduler.sequences import ChainedScheduler, SequentialLR

__all__ = [
    "ChainedScheduler", "ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR", "ExponentialLR",
    "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR", "OneCycleLR", "PolynomialLR",
    "ReduceLROnPlateau", "SequentialLR", "StepLR",
]  # fmt: skip
