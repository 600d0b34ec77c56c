// One whole life with IBM's SDK core for Java: of a service ID, its policy, its key and a registry namespace.
// IBM's platform and registry SDKs for Java are not on Maven Central (of the first there is a parent POM only): their
// requests go through the core that they stand on, which authenticates, sends, and reads errors as it does for them.

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.reflect.TypeToken;
import com.ibm.cloud.sdk.core.http.RequestBuilder;
import com.ibm.cloud.sdk.core.http.Response;
import com.ibm.cloud.sdk.core.security.IamAuthenticator;
import com.ibm.cloud.sdk.core.service.BaseService;
import com.ibm.cloud.sdk.core.service.exception.ServiceResponseException;
import com.ibm.cloud.sdk.core.util.ResponseConverterUtils;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Base64;
import java.util.Objects;
import java.util.logging.Level;
import java.util.logging.Logger;

public class Life {
  static final String URL = System.getenv("CLOUD_URL");
  static final String KEY = System.getenv("CLOUD_API_KEY");
  static final String ACCOUNT = System.getenv("CLOUD_ACCOUNT");
  static final String NAMESPACE = "client-life";
  static final String ROLE = "crn:v1:bluemix:public:iam::::serviceRole:";

  /** What came back: the body, of errors too. */
  record Answer(int status, String etag, JsonElement body, String error) {
    Answer allowed(String what, int wanted) {
      if (error != null || status != wanted) {
        throw new IllegalStateException(what + ": expected " + wanted + ", got " + status + " " + error);
      }
      return this;
    }

    void refused(String what, int wanted, String code) {
      if (error == null || status != wanted || !(error + body).contains(code)) {
        throw new IllegalStateException(
            what + ": expected " + wanted + " " + code + ", got " + status + " " + error + " " + body);
      }
    }

    String text(Object... keys) {
      JsonElement found = body;
      for (Object key : keys) {
        found = key instanceof Integer index ? found.getAsJsonArray().get(index) : found.getAsJsonObject().get((String) key);
      }
      return found.isJsonPrimitive() ? found.getAsString() : found.toString();
    }
  }

  /** One caller. */
  static class Caller extends BaseService {
    Caller(String key) {
      super("client-life", new IamAuthenticator.Builder().apikey(key).url(URL).build());
      setServiceUrl(URL);
    }

    Answer ask(String method, String path, JsonObject body, String... headers) {
      String[] parts = path.split("\\?", 2);
      var url = RequestBuilder.resolveRequestUrl(URL, parts[0]);
      RequestBuilder builder = switch (method) {
        case "POST" -> RequestBuilder.post(url);
        case "PUT" -> RequestBuilder.put(url);
        case "DELETE" -> RequestBuilder.delete(url);
        default -> RequestBuilder.get(url);
      };
      for (String pair : parts.length > 1 ? parts[1].split("&") : new String[0]) {
        builder.query(pair.substring(0, pair.indexOf('=')), pair.substring(pair.indexOf('=') + 1));
      }
      builder.header("Accept", "application/json", "Account", ACCOUNT);
      builder.header((Object[]) headers);
      if (body != null) {
        builder.bodyJson(body);
      }
      try {
        var converter = ResponseConverterUtils.<JsonElement>getValue(new TypeToken<JsonElement>() { }.getType());
        Response<JsonElement> found = createServiceCall(builder.build(), converter).execute();
        String etag = found.getHeaders().values("ETag").stream().findFirst().orElse(null);
        return new Answer(found.getStatusCode(), etag, found.getResult(), null);
      } catch (ServiceResponseException error) {
        var text = error.getResponseBody() == null ? "null" : error.getResponseBody();
        return new Answer(error.getStatusCode(), null, JsonParser.parseString(text), String.valueOf(error.getMessage()));
      }
    }

    Answer ask(String method, String path) {
      return ask(method, path, null);
    }
  }

  static void expect(String what, Object wanted, Object found) {
    if (!Objects.equals(wanted, found)) {
      throw new IllegalStateException(what + ": expected " + wanted + ", got " + found);
    }
  }

  static JsonObject json(String text, Object... values) {
    return JsonParser.parseString(String.format(text.replace('\'', '"'), values)).getAsJsonObject();
  }

  static JsonObject policy(String iamId, String role, String more) {
    String is = "'operator': 'stringEquals', 'value'";
    return json("{'type': 'access', 'control': {'grant': {'roles': [{'role_id': '" + ROLE + "%s'}]}},"
        + " 'subject': {'attributes': [{'key': 'iam_id', " + is + ": '%s'}]},"
        + " 'resource': {'attributes': [{'key': 'accountId', " + is + ": '%s'},"
        + " {'key': 'serviceName', " + is + ": 'container-registry'}%s]}}", role, iamId, ACCOUNT, more);
  }

  static Answer logIn(String user, String password) throws Exception {
    var uri = URI.create(URL + "/oauth/token?service=registry&scope=repository:" + NAMESPACE + "/web:pull");
    String basic = Base64.getEncoder().encodeToString((user + ":" + password).getBytes());
    var request = HttpRequest.newBuilder(uri).header("Authorization", "Basic " + basic).build();
    var found = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
    return new Answer(found.statusCode(), null, JsonParser.parseString(found.body()), null);
  }

  static void live() throws Exception {
    Caller owner = new Caller(KEY);
    new Caller("no key").ask("GET", "/api/v1/namespaces").refused("a key that isn't there", 400, "BXNIM0415E");

    JsonObject wanted = json("{'account_id': '%s', 'name': 'puller'}", ACCOUNT);
    Answer made = owner.ask("POST", "/v1/serviceids", wanted).allowed("a service ID", 201);
    String one = "/v1/serviceids/" + made.text("id");
    String iamId = made.text("iam_id");
    Answer listed = owner.ask("GET", "/v1/serviceids?name=puller&account_id=" + ACCOUNT).allowed("service IDs", 200);
    expect("service IDs", iamId, listed.text("serviceids", 0, "iam_id"));
    String tag = owner.ask("GET", one).allowed("a service ID", 200).etag();
    JsonObject pulls = json("{'description': 'pulls'}");
    expect("description", "pulls", owner.ask("PUT", one, pulls, "If-Match", tag).allowed("an update", 200).text("description"));
    owner.ask("PUT", one, pulls, "If-Match", tag).refused("a stale tag", 409, "conflict");

    Answer roles = owner.ask("GET", "/v2/roles?service_name=container-registry&account_id=" + ACCOUNT).allowed("roles", 200);
    expect("Reader", true, roles.text("service_roles").contains(ROLE + "Reader"));
    Answer granted = owner.ask("POST", "/v2/policies", policy(iamId, "Reader", "")).allowed("a policy", 201);
    String grant = "/v2/policies/" + granted.text("id");
    owner.ask("POST", "/v2/policies", policy(iamId, "Reader", "")).refused("a policy's twin", 409, "policy_conflict_error");
    String narrower = ", {'key': 'region', 'operator': 'stringEquals', 'value': 'jp-tok'}".replace('\'', '"');
    owner.ask("PUT", grant, policy(iamId, "Reader", narrower), "If-Match", granted.etag()).allowed("a policy's change", 200);
    expect("a policy's state", "active", owner.ask("GET", grant).allowed("a policy", 200).text("state"));
    Answer held = owner.ask("GET", "/v2/policies?account_id=" + ACCOUNT + "&iam_id=" + iamId).allowed("policies", 200);
    expect("policies", granted.text("id"), held.text("policies", 0, "id"));

    made = owner.ask("POST", "/v1/apikeys", json("{'name': 'pull', 'iam_id': '%s'}", iamId)).allowed("a key", 201);
    String key = "/v1/apikeys/" + made.text("id");
    String value = made.text("apikey");
    held = owner.ask("GET", "/v1/apikeys?account_id=" + ACCOUNT + "&iam_id=" + iamId).allowed("keys", 200);
    expect("keys", made.text("id"), held.text("apikeys", 0, "id"));
    for (String what : new String[] {"lock", "disable"}) {
      owner.ask("POST", key + "/" + what).allowed(what, 204);
      owner.ask("DELETE", key + "/" + what).allowed("the end of " + what, 204);
    }
    tag = owner.ask("GET", key).allowed("a key", 200).etag();
    owner.ask("PUT", key, json("{'description': 'rotated'}"), "If-Match", tag).allowed("a key's change", 200);

    String space = "/api/v1/namespaces/" + NAMESPACE;
    expect("a namespace", NAMESPACE, owner.ask("PUT", space).allowed("a namespace", 201).text("namespace"));
    expect("namespaces", NAMESPACE, owner.ask("GET", "/api/v1/namespaces").allowed("namespaces", 200).text(0));
    expect("details", NAMESPACE, owner.ask("GET", "/api/v1/namespaces/details").allowed("details", 200).text(0, "name"));
    Caller puller = new Caller(value);
    expect("images", "[]", puller.ask("GET", "/api/v1/images").allowed("images", 200).text());
    puller.ask("PUT", "/api/v1/namespaces/of-a-reader").refused("a Reader's namespace", 403, "CRG0020E");
    expect("a login", false, logIn("iamapikey", value).allowed("a login", 200).text("token").isEmpty());
    expect("a bad login", "UNAUTHORIZED", logIn("iamapikey", "no key").allowed("a bad login", 400).text("errors", 0, "code"));

    Answer report = owner.ask("GET", "/va/api/v4/report/account/status").allowed("an account's report", 200);
    expect("an account's report", "[]", report.text("images"));
    Answer groups = owner.ask("GET", "/v2/resource_groups?account_id=" + ACCOUNT).allowed("groups", 200);
    expect("groups", "true", groups.text("resources", 0, "default"));
    owner.ask("GET", "/v1/serviceids/nobody").refused("no service ID", 404, "BXNIM0404E");
    owner.ask("GET", "/v2/policies/nobody").refused("no policy", 404, "policy_not_found");
    owner.ask("DELETE", "/api/v1/namespaces/nobody").refused("no namespace", 404, "CRG0012E");
    owner.ask("GET", "/v2/resource_groups/nobody").refused("no group", 404, "not found");
    String exemption = "/va/api/v4/exempt/image/issue/cve/CVE-2024-0001";
    owner.ask("GET", exemption).refused("no exemption", 404, "BXNVA0010E");
    owner.ask("GET", "/v1/mfa/accounts/" + ACCOUNT + "/report/latest").refused("what is lacking", 501, "not_implemented");

    owner.ask("DELETE", grant).allowed("a delete", 204);
    puller.ask("GET", "/api/v1/images").refused("after its policy", 403, "CRG0020E");
    owner.ask("DELETE", key).allowed("a delete", 204);
    new Caller(value).ask("GET", "/api/v1/images").refused("after its key", 400, "BXNIM0415E");
    owner.ask("DELETE", one).allowed("a delete", 204);
    owner.ask("DELETE", space).allowed("a delete", 204);
  }

  public static void main(String[] arguments) {
    Logger.getLogger("").setLevel(Level.SEVERE);
    try {
      live();
    } catch (Exception error) {
      System.err.println(error.getMessage() == null ? error : error.getMessage());
      System.exit(1);
    }
    System.exit(0);
  }
}
