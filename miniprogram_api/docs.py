"""The API's documentation page: every asset from this machine, so that it works offline."""

from pathlib import Path
from typing import Any

import httpx
import msgspec
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from miniprogram_api.downloads import add_assets
from miniprogram_api.scanned import links, show_scanned
from server.foundation.errors import NotFound, Unavailable
from server.foundation.settings import Environment, Settings

VENDOR = Path(__file__).parent / "vendor" / "swagger-ui"

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_PAGE = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>邻里 Linli 接口文档</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/{version}/swagger-ui.css">
<link rel="stylesheet" href="/docs/start.css">
</head>
<body>
{sign_in}<div id="page"></div>
<noscript>此页需要 JavaScript。接口的完整描述见 <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>。</noscript>
<script src="/docs/{version}/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""

_SIGN_IN = """<form id="sign-in" hidden>
<label>演示人物 <select name="person"></select></label> <button>登录</button> <output></output>
</form>
"""
_START = """"use strict";
// The filter as it comes looks at tags alone; people look for words.
const findOperations = (tags, phrase) => {
  const isMeant = (found) =>
    [found.get("path"), found.getIn(["operation", "summary"]), found.getIn(["operation", "operationId"])].some((text) =>
      String(text).toLowerCase().includes(phrase.trim().toLowerCase())
    );
  return tags
    .map((tag, name) => (name.includes(phrase.trim()) ? tag : tag.update("operations", (all) => all.filter(isMeant))))
    .filter((tag) => tag.get("operations").size > 0);
};
new MutationObserver((_, watch) => {
  const search = document.querySelector(".operation-filter-input");
  if (!search) return;
  search.placeholder = "按说明、路径或操作名查找";
  watch.disconnect();
}).observe(document.getElementById("page"), { childList: true, subtree: true });
fetch("/api/v1/openapi.json").then((answer) => answer.json()).then((spec) => {
  // Calls made from this page go to the server that it came from, by whatever name that was reached.
  spec.servers = [{ url: location.origin }];
  const page = SwaggerUIBundle({
    spec,
    domNode: document.getElementById("page"),
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    deepLinking: true,
    filter: true,
    plugins: [() => ({ fn: { opsFilter: findOperations } })],
    displayRequestDuration: true,
    persistAuthorization: true,
    validatorUrl: null,
  });
  offerSignIn(page);
});
const json = async (address, body) => {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(address, body && { method: "POST", headers, body: JSON.stringify(body) });
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.title);
  return content;
};
// Only the demo has people to sign in as; elsewhere a token is put in under Authorize.
const offerSignIn = async (page) => {
  const form = document.getElementById("sign-in");
  if (!form) return;
  const answer = await fetch("/docs/persons");
  if (!answer.ok) return;
  for (const person of (await answer.json()).items) form.person.add(new Option(person.nickname, person.openid));
  form.hidden = false;
  form.onsubmit = async (event) => {
    event.preventDefault();
    const told = form.querySelector("output");
    try {
      const { code } = await json(`/docs/persons/${form.person.value}/login-code`, {});
      const { token } = await json("/api/v1/sessions", { code });
      page.preauthorizeApiKey("session", token);
      told.value = `已登录为${form.person.selectedOptions[0].text}，可以直接发送请求`;
    } catch (error) {
      told.value = `没有登录成功：${error.message}`;
    }
  };
};
"""

_STYLE = """
#sign-in { display: flex; gap: .6rem; align-items: center; flex-wrap: wrap; padding: .8rem 1.25rem; background: #f6f2ea;
  font: 16px/1.6 system-ui, -apple-system, "PingFang SC", "Noto Sans SC", "Microsoft YaHei", sans-serif }
#sign-in[hidden] { display: none }
#sign-in select, #sign-in button { font: inherit; padding: .3rem .7rem; border: 1px solid #cbbfae; border-radius: 6px;
  background: #fff }
#sign-in button { border-color: #a61e1e; background: #a61e1e; color: #fff; cursor: pointer }
#sign-in output { color: #6b5f54 }
"""


class _Manifest(msgspec.Struct):
    version: str


class _DemoPerson(msgspec.Struct):
    openid: str
    nickname: str


class _DemoPersons(msgspec.Struct):
    items: list[_DemoPerson]


def add_pages(
    app: Sanic[Any, Any], settings: Settings, simulator_transport: httpx.AsyncBaseTransport | None = None
) -> None:
    """`/`, which says where everything is, and `/docs` with its assets; in the demo, its people can be signed in as.

    The assets of Swagger UI lie under its version, so they can be cached for ever.
    """
    version = msgspec.json.decode((VENDOR / "manifest.json").read_bytes(), type=_Manifest).version
    is_demo = settings.environment is Environment.DEMO
    page = _PAGE.format(version=version, sign_in=_SIGN_IN if is_demo else "")
    assets = {
        "swagger-ui.css": ("text/css; charset=utf-8", (VENDOR / "swagger-ui.css").read_bytes()),
        "swagger-ui-bundle.js": ("text/javascript; charset=utf-8", (VENDOR / "swagger-ui-bundle.js").read_bytes()),
    }

    places = [
        ("/console", "工作台", "社区工作者的网页，用小程序扫码登录"),
        ("/docs", "接口文档", "每个接口的说明，可以在页面上试着调用"),
        ("/api/v1/openapi.json", "OpenAPI", "机器可读的接口描述（3.1），用来生成客户端"),
        ("/api/v1/pages", "小程序页面", "消息、二维码和分享会打开的页面与参数"),
        ("/healthz", "是否存活", "服务进程在运行"),
        ("/readyz", "是否就绪", "数据库、缓存和数据结构都正常"),
    ]
    if is_demo:
        places.insert(0, (f"{settings.wechat_base}/", "模拟的微信", "可以登录的演示人物，收到的订阅消息"))

    @app.get("/")
    async def front(request: Request) -> HTTPResponse:
        request.ctx.operation = "docs"
        return show_scanned(
            "plain",
            "邻里 Linli",
            links(places),
            subtitle="城市社区小程序的后端",
            note="居民、党员和志愿者请在微信小程序中使用",
        )

    @app.get("/docs")
    async def docs(request: Request) -> HTTPResponse:
        request.ctx.operation = "docs"
        headers = {"content-security-policy": _POLICY, "referrer-policy": "no-referrer"}
        return HTTPResponse(page, content_type="text/html; charset=utf-8", headers=headers)

    @app.get("/docs/start.js")
    async def docs_start(request: Request) -> HTTPResponse:
        request.ctx.operation = "docs"
        return HTTPResponse(_START, content_type="text/javascript; charset=utf-8")

    @app.get("/docs/start.css")
    async def docs_style(request: Request) -> HTTPResponse:
        request.ctx.operation = "docs"
        return HTTPResponse(_STYLE, content_type="text/css; charset=utf-8")

    add_assets(app, f"/docs/{version}", assets, "docs")
    if is_demo:
        _add_demo_persons(app, settings.wechat_base, simulator_transport)


def _add_demo_persons(app: Sanic[Any, Any], simulator: str, transport: httpx.AsyncBaseTransport | None) -> None:
    """The people of the demo, whose login codes the simulator hands out. Through this server, since the page may speak
    to nobody else."""

    async def ask(method: str, path: str) -> bytes:
        async with httpx.AsyncClient(base_url=simulator, transport=transport, trust_env=False) as client:
            try:
                answer = await client.request(method, f"/admin/persons{path}")
            except httpx.TransportError:
                raise Unavailable() from None
        if answer.is_client_error:
            raise NotFound()
        return answer.content

    @app.get("/docs/persons")
    async def demo_persons(request: Request) -> HTTPResponse:
        request.ctx.operation = "docs"
        known = msgspec.json.decode(await ask("GET", ""), type=_DemoPersons).items
        shown = [person for person in known if person.openid.startswith("demo-")]
        return HTTPResponse(msgspec.json.encode(_DemoPersons(shown)), content_type="application/json")

    @app.post("/docs/persons/<openid:demo-[a-z-]+>/login-code")
    async def demo_login_code(request: Request, openid: str) -> HTTPResponse:
        request.ctx.operation = "docs"
        return HTTPResponse(await ask("POST", f"/{openid}/login-code"), content_type="application/json")
