#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a file's octets as a C array: embed.py IN OUT NAME."""
import sys

data = open(sys.argv[1], 'rb').read()
rows = [', '.join(f'0x{b:02x}' for b in data[i:i + 16]) for i in range(0, len(data), 16)]
with open(sys.argv[2], 'w') as out:
    out.write(f'static const unsigned char {sys.argv[3]}[] = {{\n\t')
    out.write(',\n\t'.join(rows) + '\n};\n')
