"""What things in the demo's past are called."""

from server.volunteering.models import ActivityKind

WISHES = (
    ("想要一副老花镜", "thing", "elderly"),
    ("想学会用手机缴费", "skill", "elderly"),
    ("想有人陪着去一趟医院", "company", "elderly"),
    ("想要几本科普书", "thing", "child"),
    ("想请人修一下水龙头", "skill", "other"),
    ("想要一辆旧轮椅", "thing", "disabled"),
)
ACTIVITIES = {
    ActivityKind.VOLUNTEER: ("楼道清洁日", "为独居老人送餐", "沙滩净滩", "交通文明劝导", "义务理发"),
    ActivityKind.COMMUNITY_EVENT: ("邻里包饺子", "亲子阅读会", "健康体检日", "旧物交换集市"),
    ActivityKind.PARTY_DAY: ("主题党日：学习与服务", "主题党日：走访困难家庭"),
}
NOTICES = ("清洗二次供水水箱的通知", "免费接种流感疫苗", "垃圾分类投放时间调整", "消防通道清理提醒")
