"""The recorder as routes depend on it."""

from fastapi import Request

from ingest.recording.recording import Recorder


def recorder_of(request: Request) -> Recorder:
    """Return the process's recorder, put there by the entry point."""
    recorder: Recorder = request.app.state.recorder
    return recorder
