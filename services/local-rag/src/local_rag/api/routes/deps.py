"""What handlers take from the application."""

from typing import Annotated

from fastapi import Depends, Request

from local_rag.run.service import Service


def service(request: Request) -> Service:
    """Return the running service."""
    found: Service = request.app.state.service
    return found


Running = Annotated[Service, Depends(service)]
