#!/usr/bin/env python3
"""Accepts one Kerberos login: its token in base64 comes in as a line, the answer goes out as one."""

import base64

import mechanisms

print(base64.b64encode(mechanisms.ALL["gss-kerberos"](None).step(base64.b64decode(input()))).decode())
