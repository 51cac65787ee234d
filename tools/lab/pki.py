# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests: an authority and what it signs, made by openssl(1), in a folder that goes away."""
import collections
import os

from . import netns

Files = collections.namedtuple("Files", "certificate key both")


class Authority:
    def __init__(self, folder, name="Test Authority"):
        self.folder, self.ca, self.key = folder, os.path.join(folder, "ca.pem"), os.path.join(folder, "ca.key")
        self.serial = 0
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)
        netns.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                  "-keyout", self.key, "-out", self.ca, "-days", "30", "-subj", f"/CN={name}",
                  "-addext", "basicConstraints=critical,CA:TRUE")

    def certificate(self, *names, addresses=(), days=30, owner="nobody", key_type=("ec", "-pkeyopt", "ec_paramgen_curve:P-256")):
        """PEM files of a certificate for these DNS names and addresses: certificate, key, and both in one."""
        self.serial += 1
        base = os.path.join(self.folder, f"{self.serial}-{names[0] if names else addresses[0]}")
        certificate, key, both, request = (base + end for end in (".pem", ".key", ".both.pem", ".csr"))
        alt = ",".join([f"DNS:{n}" for n in names] + [f"IP:{a}" for a in addresses])
        with open(base + ".ext", "w") as f:
            f.write(f"subjectAltName={alt}\nextendedKeyUsage=serverAuth,clientAuth\n")
        netns.run("openssl", "req", "-new", "-newkey", *key_type, "-nodes", "-keyout", key, "-out", request,
                  "-subj", f"/CN={names[0] if names else addresses[0]}")
        netns.run("openssl", "x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.key, "-days", str(days),
                  "-set_serial", str(self.serial), "-extfile", base + ".ext", "-out", certificate)
        with open(both, "w") as out:
            for part in (certificate, key):
                with open(part) as f:
                    out.write(f.read())
        for secret in (key, both):
            os.chmod(secret, 0o600)
            netns.run("chown", owner, secret)  # whom sluiced becomes: it reads them again when they change
        return Files(certificate, key, both)
