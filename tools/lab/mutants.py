# SPDX-License-Identifier: Apache-2.0
"""Breaks sluice.ko in ways that must be caught, on the kernel with KASAN, lockdep and kmemleak.

usage: tests/vm/mutants [NAME ...]       without one: all, and first the module as it is, which must pass
Exit status 1 when a mutant lives.
"""
import os
import re
import shutil
import sys
import tempfile

from . import build, kernels, term, vm

KERNEL = "kasan"
# A packet stays in the hook for 2 ms: a grace period that is missing is seen then.
DEFINES = "-DSLUICE_TEST_DELAY"
# Little of each: a machine takes minutes, and every case that fails is tried again.
MEDIA = ("engine", ["relay/both-ways", "relay/family/4-to-6", "srtp/no-keys", "--jobs", "4"])
LIFE = ("life", ["end", "traffic"])

# Name, file, what is there, what is there instead, the test that must fail, what it must say then.
MUTANTS = (
    ("no-grace-period", "flow.c",
     """	spin_lock(&sn->retire_lock);
	list_add_tail(&f->retired, &sn->retired);
	if (!sn->reaping)
		reap_next(sn);
	spin_unlock(&sn->retire_lock);
""", "	(void)sn;\n	flow_put(f);\n", LIFE, r"KASAN: .*free|use-after-free"),
    ("leak", "table.c", "	kfree_rcu(p, rcu);\n", "", LIFE, r"unreferenced object"),
    ("sleep-in-hook", "hook.c", "	sluice_test_delay();\n", "	kfree(kmalloc(8, GFP_KERNEL));\n", MEDIA,
     r"sleeping function called from invalid context"),
    ("wrong-checksum", "tx.c", "leave_sum(skb, ~csum_tcpudp_magic(saddr, daddr, skb->len,",
     "leave_sum(skb, ~csum_tcpudp_magic(saddr, saddr, skb->len,", MEDIA, r"^not ok \d+ - relay"),
    ("softirqs-on", ("hook.c", "hook.c"), ("	local_bh_disable();\n", "	local_bh_enable();\n"), ("", ""), ("packets", []),
     r"inconsistent lock state"),
    # Whichever of the two waits is there makes up for the other one, almost always.
    ("no-barrier", ("net.c", "net.c"),
     ("	wait_var_event(&sn->alive, !atomic_read(&sn->alive));\n", "	flush_rcu_work(&sn->reaper);\n"), ("", ""), LIFE,
     r"ODEBUG|KASAN|Objects remaining"),
    ("key-in-dump", ("flow.c", "report.c"),
     ("	memzero_explicit(now->rtp_key, sizeof(*now) - offsetof(struct flow_crypto, rtp_key));\n",
      "	err = put_fields(msg, c, crypto_fields, ARRAY_SIZE(crypto_fields), false);\n"),
     ("", "	err = put_fields(msg, c, crypto_fields, ARRAY_SIZE(crypto_fields), false);\n"
          "	if (!err)\n		err = nla_put(msg, FLOW_CRYPTO_A_RTP_KEY, 16, c->rtp_key);\n"), MEDIA,
     r"^not ok \d+ - srtp/no-keys"),
)


def _replace(path, old, new):
    text = open(path).read()
    if text.count(old) != 1:
        raise vm.VmError(f"{path}: what the mutant changes is there {text.count(old)} times:\n{old}")
    with open(path, "w") as f:
        f.write(text.replace(old, new))


def _build(work, name, kernel, changes):
    """The module, with those changes, from a copy of the sources."""
    tree = os.path.join(work, name)
    for d in ("kmod", "dataplane/relay"):
        shutil.copytree(os.path.join(build.ROOT, d), os.path.join(tree, d))
    shutil.copy(os.path.join(build.ROOT, "meson.build"), tree)
    for file, old, new in changes:
        _replace(os.path.join(tree, "kmod", file), old, new)
    return vm.make_module(os.path.join(tree, "kmod"), kernel, os.path.join(work, name + ".out"), DEFINES)


def _run(module, test):
    """Status and all that was said."""
    lines = []
    status = vm.run(KERNEL, vm.find_script(test[0]), test[1], say=lines.append, module=module)
    return status, "\n".join(lines)


def _changes(mutant):
    _, file, old, new, _, _ = mutant
    return [(file, old, new)] if isinstance(file, str) else list(zip(file, old, new))


def _as_it_is(work, kernel, chosen, verdict):
    module = _build(work, "none", kernel, [])
    for test in dict((m[4][0] + str(m[4][1]), m[4]) for m in chosen).values():
        status, text = _run(module, test)
        verdict(f"without a mutant: {test[0]} {' '.join(test[1])}".rstrip(), status == 0, text)


def check(names=(), verdict=lambda name, ok, text: None):
    """verdict() for each: was it caught, by what it must be caught by?"""
    chosen = [m for m in MUTANTS if not names or m[0] in names]
    work = tempfile.mkdtemp(prefix="sluice-mutants.")
    try:
        kernel = kernels.get(KERNEL, term.say)
        _as_it_is(work, kernel, chosen, verdict)
        for m in chosen:
            status, text = _run(_build(work, m[0], kernel, _changes(m)), m[4])
            verdict(f"mutant {m[0]}", status != 0 and re.search(m[5], text, re.M), text)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def main(argv):
    unknown = set(argv) - {m[0] for m in MUTANTS}
    names = " ".join(m[0] for m in MUTANTS)
    if unknown & {"-h", "--help"}:
        print(__doc__ + "Mutants: " + names)
        return 0
    if unknown:
        print(f"mutants: no mutant '{unknown.pop()}'; there are: {names}", file=sys.stderr)
        return 2
    lived = []

    def verdict(name, ok, text):
        term.say(f"  {name:<50} {term.paint('as it must be', 'green') if ok else term.paint('WRONG', 'red')}")
        if not ok:
            lived.append(name)
            term.say("\n".join("    " + line for line in text.splitlines()[-60:]))

    try:
        build.build("", what=[p for m in MUTANTS for p in vm.Needs(vm.find_script(m[4][0])).built])
        check(argv, verdict)
    except (vm.VmError, kernels.KernelError, build.BuildError) as e:
        print(f"mutants: {e}", file=sys.stderr)
        return 2
    return 1 if lived else 0
