"""A service for gunicorn: gunicorn --preload -w 2 --threads 2 app:app"""
import os

import lars

client = lars.Client()  # one, made before the workers


def app(environ, start_response):
    with client.get_host(1, 1) as host:
        answer = "%s of worker %d\n" % (host.ip, os.getpid())
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [answer.encode()]
