"""The routes of the interface, one file a part of it, and what they take from the application."""

from typing import Annotated

from fastapi import Depends, Request

from local_rag.run.service import Service


def _service(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


Running = Annotated[Service, Depends(_service)]
