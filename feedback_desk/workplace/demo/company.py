"""The people of the demonstration: 临江家电, eight departments, everybody with a superior and most with a backup."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.contrib.auth.hashers import make_password

from feedback_desk.people.models import Department, Membership, Role, User

PASSWORD = "desk-demo-2026"

DEPARTMENTS = [
    ("总经理室", "General management"), ("管理部", "Administration"), ("客服中心", "Customer service"), ("配送部", "Delivery"),
    ("安装维修部", "Installation and repair"), ("品管部", "Quality"), ("销售部", "Sales"), ("财务部", "Finance"),
]  # fmt: skip

# username, name, department, roles, superior, backup
PEOPLE: list[tuple[str, str, str, tuple[str, ...], str, str]] = [
    ("zheng", "郑维国", "总经理室", (Role.GENERAL_MANAGER,), "", "qian"),
    ("qian", "钱书宁", "总经理室", (Role.REPRESENTATIVE,), "zheng", ""),
    ("sun", "孙静怡", "管理部", (Role.OFFICE,), "zheng", "li"),
    ("li", "李慕白", "管理部", (Role.OFFICE,), "sun", "sun"),
    ("admin", "韩立", "管理部", (Role.ADMINISTRATOR,), "sun", ""),
    ("cheng", "程砚", "客服中心", (Role.CS_MANAGER,), "zheng", "ye"),
    ("ye", "叶知秋", "客服中心", (Role.CS_MANAGER,), "zheng", "cheng"),
    ("qin", "秦若岚", "客服中心", (Role.SUPERVISOR,), "cheng", "shao"),
    ("shao", "邵明远", "客服中心", (Role.SUPERVISOR,), "cheng", "qin"),
    ("lin", "林晓雯", "客服中心", (Role.AGENT,), "qin", "zhou"),
    ("zhou", "周启明", "客服中心", (Role.AGENT,), "qin", "lin"),
    ("he", "贺知遥", "客服中心", (Role.AGENT,), "qin", "xu"),
    ("xu", "许一鸣", "客服中心", (Role.AGENT,), "shao", "he"),
    ("tang", "唐予安", "客服中心", (Role.AGENT, Role.SECOND_LINE), "shao", "zhou"),
    ("hanshu", "韩舒", "客服中心", (Role.SECOND_LINE,), "shao", "tang"),
    ("wang", "王梦溪", "客服中心", (Role.RETURN_VISIT,), "qin", "pan"),
    ("pan", "潘亦可", "客服中心", (Role.RETURN_VISIT,), "qin", "wang"),
    ("feng", "冯正则", "客服中心", (Role.INSPECTOR,), "cheng", "shen"),
    ("shen", "沈听澜", "客服中心", (Role.ANALYST, Role.INSPECTOR), "cheng", "feng"),
    ("deng", "邓海涛", "配送部", (Role.DEPARTMENT_HEAD,), "zheng", "tan"),
    ("tan", "谭家栋", "配送部", (), "deng", ""),
    ("luo", "罗一舟", "配送部", (Role.BUSINESS,), "deng", ""),
    ("guo", "郭志强", "配送部", (Role.BUSINESS,), "deng", ""),
    ("cao", "曹建军", "安装维修部", (Role.DEPARTMENT_HEAD,), "zheng", "peng"),
    ("peng", "彭立新", "安装维修部", (Role.TECHNICIAN,), "cao", ""),
    ("ding", "丁少华", "安装维修部", (Role.TECHNICIAN,), "cao", ""),
    ("jiang", "蒋文敏", "品管部", (Role.DEPARTMENT_HEAD,), "zheng", "yu"),
    ("yu", "余思齐", "品管部", (Role.QUALITY,), "jiang", ""),
    ("fu", "傅雅琴", "销售部", (Role.DEPARTMENT_HEAD,), "zheng", "shi"),
    ("shi", "石磊", "销售部", (Role.BUSINESS,), "fu", ""),
    ("yan", "严守信", "财务部", (Role.DEPARTMENT_HEAD,), "zheng", ""),
]


@dataclass
class Company:
    people: dict[str, User] = field(default_factory=dict)
    departments: dict[str, Department] = field(default_factory=dict)

    def __getattr__(self, username: str) -> User:
        try:
            return self.people[username]
        except KeyError:
            raise AttributeError(username) from None

    @property
    def agents(self) -> list[User]:
        return [self.people[name] for name in ("lin", "zhou", "he", "xu", "tang")]


def found() -> Company:
    """Write departments, people, roles, superiors and backups. All share one password; it is refused on open addresses."""
    company = Company(departments={name: Department.objects.create(name=name, name_en=english) for name, english in DEPARTMENTS})
    password = make_password(PASSWORD)
    for username, name, department, roles, _superior, _backup in PEOPLE:
        user = User.objects.create(
            username=username, name=name, email=f"{username}@linjiang.example", password=password, department=company.departments[department],
            is_staff=True, is_superuser=Role.ADMINISTRATOR in roles,
        )  # fmt: skip
        company.people[username] = user
        Membership.objects.bulk_create(Membership(user=user, role=role, department=user.department if role == Role.DEPARTMENT_HEAD else None) for role in roles)
    for username, _name, _department, roles, superior, backup in PEOPLE:
        user = company.people[username]
        user.superior, user.backup = company.people.get(superior), company.people.get(backup)
        user.save(update_fields=["superior", "backup"])
        if Role.DEPARTMENT_HEAD in roles and user.department:
            _heads(user.department, user)
    for name, head in (("客服中心", "cheng"), ("管理部", "sun"), ("总经理室", "zheng")):
        _heads(company.departments[name], company.people[head])
    return company


def _heads(department: Department, head: User) -> None:
    department.head = head
    department.save(update_fields=["head"])
