"""The default confirmation email. It has no value from a request, such as a name, so that nobody
can use it to write to strangers.
"""

SUBJECT = "Please confirm your address for {{workspace.name}}"

TEXT = """\
Hello,

somebody, most likely you, asked for mail from {{workspace.name}} at this address.

Please confirm that you want it:

{{DOUBLE_OPT_IN_URL}}

If it was not you, do nothing: without your confirmation no mail follows.
"""

HTML = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Please confirm your address</title>
<style>
body { margin: 0; padding: 24px; font-size: 16px; line-height: 1.5;
  font-family: -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }
.mail { max-width: 520px; margin: 0 auto; }
.action { margin: 28px 0; }
.button { display: inline-block; padding: 12px 22px; border-radius: 8px; font-weight: 600;
  background: #2b665d; color: #ffffff; text-decoration: none; }
.address { word-break: break-all; }
</style>
</head>
<body>
<div class="mail">
<p>Hello,</p>
<p>somebody, most likely you, asked for mail from <strong>{{workspace.name}}</strong>
at this address.</p>
<p class="action"><a class="button" href="{{DOUBLE_OPT_IN_URL}}">Yes, I want it</a></p>
<p>If the button does not work, open this address:<br>
<a class="address" href="{{DOUBLE_OPT_IN_URL}}">{{DOUBLE_OPT_IN_URL}}</a></p>
<p>If it was not you, do nothing: without your confirmation no mail follows.</p>
</div>
</body>
</html>
"""
