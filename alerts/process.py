"""The process `stocktide alerts run`: the evaluator in front, the sender beside it; if one fails, both end."""

import signal
import threading
from types import FrameType

import sqlalchemy as sa

from alerts.evaluator import Evaluator
from alerts.sender import Sender
from stocktide.foundation.errors import Fatal
from stocktide.foundation.settings import Settings
from stocktide.foundation.telemetry import log


def run_alerts(engine: sa.Engine, settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Raises Fatal if the sender failed: whoever supervises starts both again."""
    evaluator, sender = Evaluator(engine, settings), Sender(engine, settings)
    failed = threading.Event()

    def send() -> None:
        try:
            sender.run()
        except BaseException as error:
            log("sender_failed", error=repr(error))
            failed.set()
            evaluator.stop()
            raise

    def stop(_number: int, _frame: FrameType | None) -> None:
        evaluator.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    sending = threading.Thread(target=send, name="alert-sender", daemon=True)
    sending.start()
    try:
        evaluator.run()
    finally:
        sender.stop()
        sending.join(settings.webhook_timeout_s + 5)
        engine.dispose()
    if failed.is_set():
        raise Fatal("sender_failed", "The sender of webhooks ended; its log line says why.")
