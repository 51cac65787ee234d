# SPDX-License-Identifier: Apache-2.0
"""Tones: written as WAV files, and found again in recordings."""
import array
import math
import struct
import wave

RATE = 8000


def write(path, hz, seconds=120):
    one_second = array.array("h", (int(9000 * math.sin(2 * math.pi * hz * i / RATE))
                                   for i in range(RATE)))  # whole periods: hz is whole
    with wave.open(path, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(RATE)
        w.writeframes(one_second.tobytes() * seconds)


def read(path):
    """Samples and rate. Not wave.open(): a recording in progress has no sizes in its head."""
    with open(path, "rb") as f:
        raw = f.read()
    if len(raw) < 44 or raw[:4] != b"RIFF":
        return array.array("h"), RATE
    channels, rate = struct.unpack("<HI", raw[22:28])
    start = raw.find(b"data") + 8
    samples = array.array("h", raw[start:start + (len(raw) - start) // 2 * 2])
    return samples[::channels], rate


def share(samples, rate, hz):
    """Energy at hz as a share of all energy (Goertzel)."""
    k = 2 * math.cos(2 * math.pi * hz / rate)
    s1 = s2 = total = 0.0
    for v in samples:
        s1, s2 = v + k * s1 - s2, s1
        total += v * v
    if total == 0:
        return 0.0
    return 2 * (s1 * s1 + s2 * s2 - k * s1 * s2) / len(samples) / total


class Heard:
    """What a recording holds: seconds of sound, the share of the tone in it."""

    def __init__(self, path, hz, skip=0.3):
        samples, rate = read(path)
        samples = samples[int(skip * rate):]
        block = rate // 10
        sound = [samples[i:i + block] for i in range(0, len(samples) - block + 1, block)]
        self.seconds_recorded = len(samples) / rate
        sound = [b for b in sound if sum(v * v for v in b) / block > 100 * 100]
        self.seconds = len(sound) / 10
        shares = [share(b, rate, hz) for b in sound]
        self.share = sum(shares) / len(shares) if shares else 0.0
        self.hz = hz

    def ok(self, seconds=1.0):
        return self.share >= 0.8 and self.seconds >= seconds

    def __str__(self):
        return f"{self.hz} Hz with {100 * self.share:.1f} % of the energy in {self.seconds:.1f} s"
