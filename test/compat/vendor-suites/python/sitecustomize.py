"""Cuts the main thread's long sleeps: they wait for a cloud that needs a minute after each change. Four seconds are
left, because the log handler sends in the background, some seconds after the program has logged."""

import threading
import time

_sleep = time.sleep


def _short_sleep(seconds):
    is_wait_for_cloud = seconds >= 5 and threading.current_thread() is threading.main_thread()
    _sleep(4 if is_wait_for_cloud else seconds)


time.sleep = _short_sleep
