"""An interrupt (Ctrl-C, or the stop button of a notebook) while a network is trained.

Between two updates the state of a run is whole; in the middle of one it is not. So an interrupt is
noted and waits for the end of the step, but not for long.
"""

import _thread
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

GRACE = 0.4  # seconds that an interrupt waits for the end of a step


class Interrupts:
    """Within this block an interrupt sets `asked`, and the loop is to stop between two steps.

    If it has not done so after `GRACE` seconds, `abandon` is called and KeyboardInterrupt raised
    where the program stands. Only the main thread hears signals; elsewhere the block does nothing.

    Attributes:
        asked: whether an interrupt has come.
    """

    def __init__(self, loop: object, abandon: Callable[[], str]) -> None:
        """Hear interrupts for whoever holds `loop` in a local variable.

        Args:
            loop: an object that some frame of the stack refers to as long as the loop is run.
            abandon: puts right what a step left half done; returns what to tell the reader.
        """
        self.asked = False
        self._loop, self._abandon = loop, abandon
        self._late = False
        self._timer: threading.Timer | None = None
        self._before: Any = None

    def __enter__(self) -> "Interrupts":
        before = signal.getsignal(signal.SIGINT)
        if callable(before) and threading.current_thread() is threading.main_thread():
            self._before = before
            signal.signal(signal.SIGINT, self._heard)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.settle()
        self._give_back()

    def settle(self) -> None:
        """The loop has noticed: there is no hurry any more."""
        if self._timer:
            self._timer.cancel()

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if not self._at_work(frame):  # an error ended the loop before its time
            self._give_back()
            self._before(number, frame)
        elif self._late:
            self._give_back()
            raise KeyboardInterrupt(self._abandon())
        elif not self.asked:
            self.asked = True
            self._timer = threading.Timer(GRACE, self._insist)
            self._timer.daemon = True
            self._timer.start()

    def _at_work(self, frame: FrameType | None) -> bool:
        """Whether the loop is still being run: someone on the stack holds it."""
        while frame is not None:
            if any(value is self._loop for value in frame.f_locals.values()):
                return True
            frame = frame.f_back
        return False

    def _insist(self) -> None:
        """Interrupt once more, in earnest; a call that sleeps is woken, too."""
        self._late = True
        if hasattr(signal, "pthread_kill"):
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        else:
            _thread.interrupt_main()

    def _give_back(self) -> None:
        here = threading.current_thread() is threading.main_thread()
        if self._before and here and signal.getsignal(signal.SIGINT) == self._heard:
            signal.signal(signal.SIGINT, self._before)
