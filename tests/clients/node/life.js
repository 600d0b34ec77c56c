// One whole life with IBM's SDK for Node.js: of a service ID, its policy, its key and a registry namespace.
// The registry's SDK is not on npm: its requests go through the core that all of IBM's SDKs for Node.js stand on.
'use strict';

const { BaseService, IamAuthenticator } = require('ibm-cloud-sdk-core');
const IamIdentityV1 = require('@ibm-cloud/platform-services/iam-identity/v1');
const IamPolicyManagementV1 = require('@ibm-cloud/platform-services/iam-policy-management/v1');
const ResourceManagerV2 = require('@ibm-cloud/platform-services/resource-manager/v2');

const { CLOUD_URL: url, CLOUD_API_KEY: ownKey, CLOUD_ACCOUNT: account } = process.env;
const namespace = 'client-life';
const roleCrn = 'crn:v1:bluemix:public:iam::::serviceRole:';
const as = (apikey) => ({ serviceUrl: url, authenticator: new IamAuthenticator({ apikey, url }) });

function expect(what, wanted, found) {
  if (JSON.stringify(wanted) !== JSON.stringify(found)) {
    throw new Error(`${what}: expected ${JSON.stringify(wanted)}, got ${JSON.stringify(found)}`);
  }
}

async function refused(what, status, code, promise) {
  let error;
  try {
    await promise;
  } catch (caught) {
    error = caught;
  }
  if (!error) throw new Error(`${what}: expected ${status} ${code}, and it was allowed`);
  const text = JSON.stringify([error.body, error.result, error.message]);
  if (error.status !== status || !text.includes(code) || !error.message) {
    throw new Error(`${what}: expected ${status} ${code}, got ${error.status} ${text}`);
  }
}

class Registry extends BaseService {
  ask(method, path, body) {
    const headers = { Account: account, Accept: 'application/json', 'Content-Type': 'application/json' };
    const options = { url: path, method, body };
    return this.createRequest({ options, defaultOptions: { ...this.baseOptions, headers } });
  }
}

const attributes = (values) => Object.entries(values).map(([key, value]) => ({ key, operator: 'stringEquals', value }));
const policy = (iamId, role, more = {}) => ({
  type: 'access',
  subject: { attributes: attributes({ iam_id: iamId }) },
  control: { grant: { roles: [{ role_id: roleCrn + role }] } },
  resource: { attributes: attributes({ accountId: account, serviceName: 'container-registry', ...more }) },
});

async function logIn(user, password) {
  const query = `service=registry&scope=repository:${namespace}/web:pull`;
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const answer = await fetch(`${url}/oauth/token?${query}`, { headers: { authorization } });
  return [answer.status, await answer.json()];
}

async function life() {
  const identity = new IamIdentityV1(as(ownKey));
  const policies = new IamPolicyManagementV1(as(ownKey));
  const groups = new ResourceManagerV2(as(ownKey));
  const registry = new Registry(as(ownKey));
  await refused("a key that isn't there", 400, 'BXNIM0415E', new Registry(as('no key')).ask('GET', '/api/v1/namespaces'));

  let made = (await identity.createServiceId({ accountId: account, name: 'puller' })).result;
  const [id, iamId] = [made.id, made.iam_id];
  let listed = (await identity.listServiceIds({ accountId: account, name: 'puller' })).result;
  expect('service IDs', [id], listed.serviceids.map((each) => each.id));
  const ifMatch = (await identity.getServiceId({ id })).headers.etag;
  const changed = (await identity.updateServiceId({ id, ifMatch, description: 'pulls' })).result;
  expect('description', 'pulls', changed.description);
  await refused('a stale tag', 409, 'conflict', identity.updateServiceId({ id, ifMatch, name: 'x' }));

  const roles = (await policies.listRoles({ accountId: account, serviceName: 'container-registry' })).result;
  expect('Reader', true, roles.service_roles.some((each) => each.crn.endsWith(':Reader')));
  const granted = await policies.createV2Policy(policy(iamId, 'Reader'));
  const grant = { id: granted.result.id };
  await refused("a policy's twin", 409, 'policy_conflict_error', policies.createV2Policy(policy(iamId, 'Reader')));
  const narrower = policy(iamId, 'Reader', { region: 'jp-tok' });
  await policies.replaceV2Policy({ ...grant, ifMatch: granted.headers.etag, ...narrower });
  expect("a policy's state", 'active', (await policies.getV2Policy(grant)).result.state);
  listed = (await policies.listV2Policies({ accountId: account, iamId })).result;
  expect('policies', [grant.id], listed.policies.map((each) => each.id));

  made = (await identity.createApiKey({ name: 'pull', iamId })).result;
  const [key, value] = [{ id: made.id }, made.apikey];
  listed = (await identity.listApiKeys({ accountId: account, iamId })).result;
  expect('keys', [key.id], listed.apikeys.map((each) => each.id));
  for (const change of ['lockApiKey', 'unlockApiKey', 'disableApiKey', 'enableApiKey']) {
    expect(change, 204, (await identity[change](key)).status);
  }
  const tag = (await identity.getApiKey(key)).headers.etag;
  await identity.updateApiKey({ ...key, ifMatch: tag, description: 'rotated' });

  expect('a namespace', { namespace }, (await registry.ask('PUT', `/api/v1/namespaces/${namespace}`)).result);
  expect('namespaces', [namespace], (await registry.ask('GET', '/api/v1/namespaces')).result);
  expect('details', namespace, (await registry.ask('GET', '/api/v1/namespaces/details')).result[0].name);
  const puller = new Registry(as(value));
  expect('images', [], (await puller.ask('GET', '/api/v1/images')).result);
  await refused("a Reader's namespace", 403, 'CRG0020E', puller.ask('PUT', '/api/v1/namespaces/of-a-reader'));
  let [status, body] = await logIn('iamapikey', value);
  expect('a login', [200, true], [status, Boolean(body.token)]);
  [status, body] = await logIn('iamapikey', 'no key');
  expect('a bad login', [400, 'UNAUTHORIZED'], [status, body.errors[0].code]);

  expect("an account's report", [], (await registry.ask('GET', '/va/api/v4/report/account/status')).result.images);
  expect('groups', 1, (await groups.listResourceGroups({ accountId: account })).result.resources.length);
  await refused('no service ID', 404, 'BXNIM0404E', identity.getServiceId({ id: 'nobody' }));
  await refused('no policy', 404, 'policy_not_found', policies.getV2Policy({ id: 'nobody' }));
  await refused('no namespace', 404, 'CRG0012E', registry.ask('DELETE', '/api/v1/namespaces/nobody'));
  await refused('no group', 404, 'not found', groups.getResourceGroup({ id: 'nobody' }));
  const exemption = '/va/api/v4/exempt/image/issue/cve/CVE-2024-0001';
  await refused('no exemption', 404, 'BXNVA0010E', registry.ask('GET', exemption));
  const report = { accountId: account, reference: 'latest' };
  await refused('what is lacking', 501, 'not_implemented', identity.getMfaReport(report));

  expect('a delete', 204, (await policies.deleteV2Policy(grant)).status);
  await refused('after its policy', 403, 'CRG0020E', puller.ask('GET', '/api/v1/images'));
  expect('a delete', 204, (await identity.deleteApiKey(key)).status);
  await refused('after its key', 400, 'BXNIM0415E', new Registry(as(value)).ask('GET', '/api/v1/images'));
  expect('a delete', 204, (await identity.deleteServiceId({ id })).status);
  expect('a delete', 204, (await registry.ask('DELETE', `/api/v1/namespaces/${namespace}`)).status);
}

life().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
