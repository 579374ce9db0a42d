"""The sender in the background: whatever the server does, the work goes on."""

import logging
import threading
import time

from amazon_reviews.resources import background_sender
from amazon_reviews.resources.background_sender import BackgroundSender


def test_items_arrive_in_their_order():
    sent = []
    sender = BackgroundSender("numbers", sent.extend)

    for number in range(1500):
        sender.put(number)
    sender.flush()

    assert sent == [*range(1500)]


def test_a_server_that_never_answers_holds_up_nobody(monkeypatch):
    monkeypatch.setattr(background_sender, "_MOST_ITEMS", 3)
    answers, arrived, sent = threading.Event(), threading.Event(), []

    def send(items):
        answers.wait()
        sent.extend(items)
        if 99 in items:
            arrived.set()

    sender = BackgroundSender("numbers", send)
    started = time.monotonic()
    for number in range(100):
        sender.put(number)
    sender.flush(0.05)
    # It is not waited for a second time.
    sender.flush(60)

    assert time.monotonic() - started < 30
    answers.set()
    assert arrived.wait(20)
    assert len(sent) <= 6


def test_the_first_of_several_failures_is_logged_without_its_secret(caplog):
    def send(items):
        raise ConnectionError("http://user:pa55word-of-the-test@host/ is down")

    sender = BackgroundSender("numbers", send)
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            sender.put(number)
            sender.flush()

    (record,) = caplog.records
    assert "numbers are not sent" in record.getMessage()
    assert "pa55word" not in record.getMessage()
