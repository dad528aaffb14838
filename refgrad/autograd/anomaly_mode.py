"""Anomaly mode, as ``torch.autograd.anomaly_mode``."""

from refgrad.engine.anomaly import detect_anomaly, set_detect_anomaly

__all__ = ["detect_anomaly", "set_detect_anomaly"]
