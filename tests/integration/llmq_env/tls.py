"""Servers and clients that speak TLS."""

import socket
import ssl
import subprocess

from .conf import load
from .httpd import free_port

# mod_ssl and OpenSSL need not be of one build; no test needs a cache of sessions.
EXPECT = ("AH01882", "AH01873")


def certificate(folder):
    """A key and a certificate of its own for localhost, in one file."""
    path = folder / "localhost.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost",
         "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", path, "-out", path],
        check=True, stderr=subprocess.DEVNULL)
    return path


def host(folder, more=""):
    """(port, configuration) of a virtual host with TLS; more stands inside it."""
    port = free_port()
    return port, load("ssl") + f"""Listen 127.0.0.1:{port} https
        <VirtualHost 127.0.0.1:{port}>
            ServerName localhost
            SSLEngine On
            SSLCertificateFile {certificate(folder)}
            {more}
        </VirtualHost>
    """


def plain(port, buffer=None):
    """A connected socket without TLS."""
    made = socket.socket()
    if buffer:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    made.settimeout(60)
    made.connect(("127.0.0.1", port))
    return made


def connect(port, version=None, buffer=None):
    """A connected socket, by TLS of this version only; a connection that ends without a word
    is an error of it."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    if version:
        context.minimum_version = context.maximum_version = version
    return context.wrap_socket(plain(port, buffer), server_hostname="localhost",
                               suppress_ragged_eofs=False)
