"""What both sides are told of claims."""

from server.notifications.events import Event

PROPOSED = Event(
    name="list_claim_proposed",
    title="有新的认领待答复",
    text="{list_claim[claimant]}希望认领“{list_claim[title]}”（{list_claim[amount]}），请在 10 天内答复。",
)

MATCHED = Event(
    name="list_claim_matched",
    title="街道为您对接了一项共建",
    text="街道建议{list_claim[claimant]}认领“{list_claim[title]}”（{list_claim[amount]}），由发布方答复；不合适的可以撤回。",
)

ACCEPTED = Event(
    name="list_claim_accepted",
    title="认领已被接受",
    text="您认领的“{list_claim[title]}”（{list_claim[amount]}）已被接受，可以查看联系方式，商定怎么办。",
)

DECLINED = Event(
    name="list_claim_declined",
    title="认领未被接受",
    text="您认领的“{list_claim[title]}”未被接受：{list_claim[reason]}。",
)

WITHDRAWN = Event(
    name="list_claim_withdrawn",
    title="认领已撤回",
    text="{list_claim[claimant]}撤回了对“{list_claim[title]}”的认领：{list_claim[reason]}。",
)

LAPSED = Event(
    name="list_claim_lapsed",
    title="认领已失效",
    text="{list_claim[claimant]}对“{list_claim[title]}”的认领已失效：{list_claim[reason]}。",
)
