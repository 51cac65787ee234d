# SPDX-License-Identifier: Apache-2.0
"""What the demo, the system tests and the benchmarks share: namespaces, processes, telephones."""
