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


def _table(law):
    """G.711: what each byte stands for."""
    out = []
    for byte in range(256):
        v = byte ^ (0x55 if law == "PCMA" else 0xff)
        exponent, mantissa = v >> 4 & 7, v & 15
        if law == "PCMA":
            n = (mantissa << 4) + 8 + (256 if exponent else 0) << max(exponent - 1, 0)
            n = n if v & 0x80 else -n
        else:
            n = ((mantissa << 3) + 132 << exponent) - 132
            n = -n if v & 0x80 else n
        out.append(n)
    return out


G711 = {0: _table("PCMU"), 8: _table("PCMA")}  # by payload type


def of_rtp(datagrams):
    """The sound of these RTP packets, as they came; those that are no G.711 are passed over."""
    samples = array.array("h")
    for d in datagrams:
        if len(d) > 12 and d[0] == 0x80 and d[1] & 0x7f in G711:
            samples.extend(map(G711[d[1] & 0x7f].__getitem__, d[12:]))
    return samples


class Heard:
    """What a recording holds, or samples do: seconds of sound, the share of the tone in it."""

    def __init__(self, path, hz, skip=0.3, samples=None):
        samples, rate = read(path) if samples is None else (samples, RATE)
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
