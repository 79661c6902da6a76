"""WeChat: our client of the platform, its message push, and (in simulator/) a stand-in for the platform itself."""

from server.wechat.api import ContentScene, PhoneNumber, Session, WeChat
from server.wechat.verdicts import Suggest, Verdict

__all__ = ["ContentScene", "PhoneNumber", "Session", "Suggest", "Verdict", "WeChat"]
