"""Writes a table of the shape of KDD Cup 1999's ten per cent: 500,000 rows, 41 features and a label of 23 classes whose
counts are the real ones. Features follow laws of their class. Usage: kdd_shape.py OUT.csv (needs numpy)."""

import csv
import sys

import numpy as np

r = np.random.default_rng(1)
n = 500_000
kinds = np.array(
    [
        "smurf",
        "neptune",
        "normal",
        "back",
        "satan",
        "ipsweep",
        "portsweep",
        "warezclient",
        "teardrop",
        "pod",
        "nmap",
        "guess_passwd",
        "buffer_overflow",
        "land",
        "warezmaster",
        "imap",
        "rootkit",
        "loadmodule",
        "ftp_write",
        "multihop",
        "phf",
        "perl",
        "spy",
    ]
)
p = np.array(
    [280790, 107201, 97278, 2203, 1589, 1247, 1040, 1020, 979, 264, 231, 53, 30, 21, 20, 12, 10, 9, 8, 7, 4, 3, 2],
    float,
)
p /= p.sum()
k = r.choice(len(kinds), n, p=p)
cols = {}


def cat(name, levels, conc):
    P = np.random.default_rng(sum(map(ord, name))).dirichlet(np.full(len(levels), conc), len(kinds))
    u = r.random(n)
    c = (P.cumsum(1)[k] < u[:, None]).sum(1).clip(0, len(levels) - 1)
    cols[name] = np.array(levels)[c]


def flag(name, conc=0.3):
    P = np.random.default_rng(sum(map(ord, name)) + 7).beta(conc, conc * 4, len(kinds))
    cols[name] = (r.random(n) < P[k]).astype(int)


def count(name, scale):
    g = np.random.default_rng(sum(map(ord, name)) + 9)
    mu = g.gamma(0.5, scale, len(kinds))
    z = g.beta(2, 1, len(kinds))
    v = np.where(r.random(n) < z[k], 0, r.poisson(mu[k] * r.gamma(1, 1, n)))
    cols[name] = v


def rate(name):
    g = np.random.default_rng(sum(map(ord, name)) + 11)
    a = g.gamma(0.5, 1, len(kinds)) + 0.05
    b = g.gamma(0.5, 1, len(kinds)) + 0.05
    cols[name] = np.round(r.beta(a[k], b[k]), 2)


count("duration", 300)
cat("protocol_type", ["tcp", "udp", "icmp"], 0.2)
cat("service", ["s%02d" % i for i in range(66)], 0.05)
cat("flag", ["SF", "S0", "REJ", "RSTR", "RSTO", "SH", "S1", "S2", "RSTOS0", "S3", "OTH"], 0.1)
count("src_bytes", 4000)
count("dst_bytes", 9000)
flag("land", 0.02)
count("wrong_fragment", 0.3)
count("urgent", 0.01)
count("hot", 2)
count("num_failed_logins", 0.1)
flag("logged_in")
count("num_compromised", 0.5)
flag("root_shell", 0.05)
flag("su_attempted", 0.02)
count("num_root", 0.3)
count("num_file_creations", 0.2)
count("num_shells", 0.05)
count("num_access_files", 0.1)
cols["num_outbound_cmds"] = np.zeros(n, int)
cols["is_host_login"] = np.zeros(n, int)
flag("is_guest_login", 0.1)
count("count", 200)
count("srv_count", 200)
for x in [
    "serror_rate",
    "srv_serror_rate",
    "rerror_rate",
    "srv_rerror_rate",
    "same_srv_rate",
    "diff_srv_rate",
    "srv_diff_host_rate",
]:
    rate(x)
count("dst_host_count", 150)
count("dst_host_srv_count", 150)
for x in [
    "dst_host_same_srv_rate",
    "dst_host_diff_srv_rate",
    "dst_host_same_src_port_rate",
    "dst_host_srv_diff_host_rate",
    "dst_host_serror_rate",
    "dst_host_srv_serror_rate",
    "dst_host_rerror_rate",
    "dst_host_srv_rerror_rate",
]:
    rate(x)
cols["label"] = kinds[k]
with open(sys.argv[1], "w") as f:
    w = csv.writer(f, lineterminator="\n")
    w.writerow(cols)
    w.writerows(zip(*[c.tolist() for c in cols.values()]))
