"""A certificate authority for tests, made with the openssl command: what a client must accept, and what it must not."""

import pathlib
import subprocess
import time

_CONFIG = """
[ca]
default_ca = it
[it]
database = {directory}/index.txt
serial = {directory}/serial
new_certs_dir = {directory}
default_md = sha256
policy = anything
copy_extensions = copy
unique_subject = no
[anything]
commonName = supplied
[req]
distinguished_name = name
prompt = no
[name]
CN = Quipu tests
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""


class Authority:
    """`file` is the certificate that a client must trust. Everything lies in `directory`."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.file = self.directory / "ca.pem"
        (self.directory / "index.txt").touch()
        (self.directory / "serial").write_text("1000\n")
        (self.directory / "openssl.cnf").write_text(_CONFIG.format(directory=self.directory))
        self._openssl("req", "-x509", *self._key("ca.key"), "-out", self.file, "-days", "2", "-extensions", "authority",
                      "-config", self.directory / "openssl.cnf")

    def certificate(self, name="server", hosts=("IP:127.0.0.1", "IP:::1", "DNS:localhost"), start=-3600.0, end=86400.0):
        """(certificate file, key file) for the hosts, valid from `start` to `end`, in seconds from now."""
        request, chain = self.directory / f"{name}.csr", self.directory / f"{name}.pem"
        self._openssl("req", *self._key(f"{name}.key"), "-out", request, "-subj", f"/CN={name}", "-addext",
                      "subjectAltName=" + ",".join(hosts), "-config", self.directory / "openssl.cnf")
        now = time.time()
        self._openssl("ca", "-batch", "-notext", "-config", self.directory / "openssl.cnf", "-cert", self.file,
                      "-keyfile", self.directory / "ca.key", "-in", request, "-out", chain,
                      "-startdate", _stamp(now + start), "-enddate", _stamp(now + end))
        return str(chain), str(self.directory / f"{name}.key")

    def _key(self, name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.directory / name]

    def _openssl(self, *arguments):
        done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr


def _stamp(seconds):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(seconds))
