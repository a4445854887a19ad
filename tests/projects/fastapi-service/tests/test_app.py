from fastapi.testclient import TestClient

from fastapi_service.app import app


def test_health():
    assert TestClient(app).get("/healthz").json() == {"status": "ok"}
    assert TestClient(app).get("/yaml").text == "status: ok\n"
