"""A stand-in for the WeChat platform, for the demo and the tests: see app.py."""

from server.wechat.simulator.app import create_simulator, run_simulator

__all__ = ["create_simulator", "run_simulator"]
