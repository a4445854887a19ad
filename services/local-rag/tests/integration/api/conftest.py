"""A running service behind a client."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from kit.faces import QuotingGenerator, client_for, make_service
from local_rag.run.service import Service


@pytest.fixture
def generator() -> QuotingGenerator:
    return QuotingGenerator()


@pytest.fixture
def service(tmp_path: Path, generator: QuotingGenerator) -> Service:
    return make_service(tmp_path, generator=generator)


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    with client_for(service) as client:
        yield client
