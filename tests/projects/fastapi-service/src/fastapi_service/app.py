import yaml
from fastapi import FastAPI, Response

app = FastAPI(title="fastapi-service")


@app.get("/healthz")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/yaml")
def as_yaml() -> Response:
    return Response(yaml.safe_dump({"status": "ok"}), media_type="text/yaml")
