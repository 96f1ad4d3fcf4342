"""A device whose outages and late backlogs are known, behind the one endpoint that history needs."""

from __future__ import annotations

import threading

import pandas as pd

HOUR = 3600
DAY = 24 * HOUR
BEGIN = 1_500_000_000 // DAY * DAY
SAMPLES = (600, 2400)  # seconds into each hour


class ModelDevice:
    """Samples twice an hour; those of an outage come some time after its end.

    Args:
        outages: Spans of (begin, end, seconds from the end to the backlog's arrival), in seconds since `BEGIN`.
        most: Buckets of an answer.
    """

    def __init__(self, outages=(), most=10_000):
        self.outages = [(BEGIN + begin, BEGIN + end, late) for begin, end, late in outages]
        self.most = most
        self.now = BEGIN
        self.asked = []
        self.lock = threading.Lock()

    @property
    def seen(self):
        """When the cloud was last in touch with the device."""
        return next((begin for begin, end, _ in self.outages if begin <= self.now < end), self.now)

    def arrival(self, sample):
        """When a sample reaches the cloud."""
        return next((end + late for begin, end, late in self.outages if begin <= sample < end), sample)

    def value(self, key, bucket, step):
        """The last sample of a bucket that has arrived, or None."""
        samples = [hour + s for hour in range(bucket, bucket + step, HOUR) for s in SAMPLES]
        there = [s for s in samples if s >= BEGIN and s < self.now and self.arrival(s) <= self.now]
        if not there:
            return None
        return {"number": float(there[-1]), "text": f"t{there[-1] // HOUR % 3}", "switch": there[-1] // HOUR % 2 == 0}[
            key
        ]

    def get(self, path, query, what):
        """One answer of the API."""
        first, after = (int(pd.Timestamp(query[key]).timestamp()) for key in ("from", "to"))
        step = int(query["resolution"][:-1]) * {"h": HOUR, "d": DAY}[query["resolution"][-1]]
        assert (after - first) / step <= self.most
        keys = query["datapointIds"].split(",")
        with self.lock:
            self.asked.append((path, first, after, tuple(keys)))
        series = []
        for key in keys:
            values = [(bucket, self.value(key, bucket, step)) for bucket in range(first, after, step)]
            rows = [
                {"timestamp": f"{pd.Timestamp(b, unit='s'):%Y-%m-%dT%H:%M:%S.000Z}", "value": v}
                for b, v in values
                if v is not None
            ]
            series.append({"datapointId": key, "values": rows})
        return {"series": series}
