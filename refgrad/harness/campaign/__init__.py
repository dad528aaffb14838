"""Fuzzing at length: shards of random programs on isolated workers, kept so that nothing is lost and nothing done twice."""

from refgrad.harness.campaign.campaign import Campaign
from refgrad.harness.campaign.crew import Cluster, Here, Local
from refgrad.harness.campaign.plan import Plan
from refgrad.harness.campaign.store import Store

__all__ = ["Campaign", "Cluster", "Here", "Local", "Plan", "Store"]
