"""`/account` and `/subscribers/me`: which workspace a key belongs to, and what it may do."""

from subscribers.api.api_keys import Permissions, permissions_of
from subscribers.api.calls import Answered, ResourceView, Shape, reads
from subscribers.api.values import KeyId, WorkspaceId
from subscribers.ids import encode
from subscribers.models import ApiKey
from subscribers.models.api_key import Scope


class ActiveKey(Shape, kw_only=True):
    id: KeyId
    name: str
    prefix: str
    is_test: bool
    type: str = "company"


class AccountPermissions(Permissions, kw_only=True):
    active_key: ActiveKey


class Company(Shape, kw_only=True):
    id: WorkspaceId
    name: str
    role: str = "api_key"


class KeyHolder(Shape, kw_only=True):
    id: KeyId


class WorkspaceShape(Shape, kw_only=True):
    """The same workspace that `companies` names, in our words."""

    id: WorkspaceId
    name: str
    slug: str
    double_opt_in: bool
    timezone: str


class AccountAnswer(Answered, kw_only=True):
    companies: list[Company]
    current_company_id: WorkspaceId
    user: KeyHolder
    message: str
    api_key_permissions: AccountPermissions
    workspace: WorkspaceShape
    api_key: ActiveKey


class CompanyOfKey(Shape, kw_only=True):
    company_id: WorkspaceId
    company_name: str
    api_key_type: str = "company"


class MeAnswer(Answered, kw_only=True):
    account: CompanyOfKey


class AccountView(ResourceView):
    @reads("Which workspace the key belongs to, and what it may do", scope=Scope.ACCOUNT_READ)
    def get(self) -> AccountAnswer:
        workspace, active = self.workspace, _active(self.api_key)
        permissions = permissions_of(self.api_key)
        workspace_id = encode("wsp", workspace.pk)
        return AccountAnswer(
            companies=[Company(id=workspace_id, name=workspace.name)],
            current_company_id=workspace_id,
            user=KeyHolder(id=active.id),
            message=f"This key belongs to the workspace {workspace.name}.",
            api_key_permissions=AccountPermissions(
                scopes=permissions.scopes,
                full_access=permissions.full_access,
                preset=permissions.preset,
                active_key=active,
            ),
            workspace=WorkspaceShape(
                id=workspace_id,
                name=workspace.name,
                slug=workspace.slug,
                double_opt_in=workspace.double_opt_in,
                timezone=workspace.timezone,
            ),
            api_key=active,
        )


class MeView(ResourceView):
    @reads("Which workspace the key belongs to", scope=Scope.ACCOUNT_READ)
    def get(self) -> MeAnswer:
        workspace = self.workspace
        return MeAnswer(
            account=CompanyOfKey(
                company_id=encode("wsp", workspace.pk), company_name=workspace.name
            )
        )


def _active(row: ApiKey) -> ActiveKey:
    return ActiveKey(
        id=encode("key", row.pk), name=row.name, prefix=row.prefix, is_test=row.is_test
    )
