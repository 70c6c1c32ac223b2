"""What is done on a Ray cluster is what is done in one process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny_vlm import configured

from multiref_gym import cli

ray = pytest.importorskip("ray")
from ray.cluster_utils import Cluster  # noqa: E402

from multiref_gym.agents.workers.on_ray import RayWorkers  # noqa: E402
from multiref_gym.errors import UserError  # noqa: E402

pytestmark = pytest.mark.xdist_group("ray")
STORE = 200 * 2**20
"""Bytes for what a node keeps of what it sends."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A head without a CPU core, and two nodes with one each."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": STORE})
    for _ in range(2):
        cluster.add_node(num_cpus=1, object_store_memory=STORE)
    yield cluster
    cluster.shutdown()


def run(*arguments: object) -> int:
    return cli.main([str(argument) for argument in arguments])
