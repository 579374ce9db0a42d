"""The state of alerts: what becomes a message, when, and how many."""

from amazon_reviews.alerts.incidents import Incident, Incidents

HOUR = 3600.0


def incident(asset, since=0.0, **fields):
    values = {"reason": "broken", "link": "http://ui/runs/1", "command": "amazon-reviews run"}
    return Incident(asset=asset, since=since, **values | fields)


def messages(state):
    sent = [delivery.message for delivery in state.deliveries]
    state.deliveries = []
    return sent


def test_an_open_incident_is_announced_once():
    state = Incidents()
    for since in range(3):
        state.report(incident("gold/reviews", since))
        state.compose(since, per_hour=20, destinations=2)

    assert [delivery.destination for delivery in state.deliveries] == [0, 1]
    assert [known.since for known in state.failing] == [0]


def test_an_older_success_does_not_end_an_incident():
    state = Incidents(failing=[incident("gold/reviews", since=10, announced=True)])

    state.resolve("gold/reviews", "", "", at=9)
    assert state.failing
    state.resolve("gold/reviews", "", "", at=11)
    assert not state.failing
    assert state.ended


def test_an_incident_that_returns_before_its_end_was_announced_is_the_same():
    state = Incidents(failing=[incident("gold/reviews", announced=True)])
    state.resolve("gold/reviews", "", "", at=1)
    state.report(incident("gold/reviews", since=2))
    state.compose(3, per_hour=20, destinations=1)

    assert messages(state) == []
    assert [known.since for known in state.failing] == [0]


def test_the_last_message_of_an_hour_sums_up_the_others_and_the_next_hour_goes_on():
    state = Incidents()
    for number in range(50):
        state.report(incident(f"gold/table_{number}"))
    state.compose(0, per_hour=3, destinations=1)

    first, second, summary = messages(state)
    assert (first.asset, second.asset) == ("gold/table_0", "gold/table_1")
    assert summary.title == "failed: 48 further alerts"
    assert summary.reason == (
        "failed gold/table_2, failed gold/table_3, failed gold/table_4 and 45 more"
    )
    assert summary.incidents == 48

    state.report(incident("gold/late", since=1))
    state.compose(HOUR - 1, per_hour=3, destinations=1)
    assert messages(state) == []
    state.compose(HOUR + 1, per_hour=3, destinations=1)
    assert [message.asset for message in messages(state)] == ["gold/late"]


def test_partitions_of_one_reason_are_one_message_and_the_title_names_three():
    state = Incidents()
    for number in range(1_000):
        state.report(incident("silver/reviews", partition=f"part_{number}"))
    state.report(incident("silver/reviews", partition="other", reason="other"))
    state.compose(0, per_hour=20, destinations=1)

    many, one = messages(state)
    assert many.title == "failed: silver/reviews, part_0, part_1, part_2 and 997 more"
    assert (many.incidents, one.incidents) == (1_000, 1)


def test_the_state_survives_as_text():
    state = Incidents(cursors={"RUN": "1"}, failing=[incident("gold/reviews", announced=True)])
    state.report(incident("gold/products"))
    state.compose(5, per_hour=20, destinations=1)

    assert Incidents.model_validate_json(state.model_dump_json()) == state


def test_deliveries_to_a_dead_destination_are_limited():
    state = Incidents()
    for number in range(500):
        state.report(incident(f"gold/table_{number}"))
        state.compose(number, per_hour=1_000, destinations=1)

    assert len(state.deliveries) == 200
    assert state.deliveries[-1].message.asset == "gold/table_499"
