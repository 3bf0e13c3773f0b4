# Field sales: what a CRM holds that visits people. The single source of collections, merge rules
# and privacy classes; a schema of your own is written in the same way (see annotations.capnp).
#
# Scopes: an account is held by its owner, its territory and its team, and with it all that hangs on
# it: who takes over an account takes over its orders, whoever made them. A person belongs to who
# owns the contact too, a task to who is to do it. What is sold and the forms are everybody's. What
# has no scope, such as a visit to nobody, is its maker's. Managers hold everything.
#
# History: what is older than the days that a device keeps is not held by it: visits with what was
# filled in there, interactions, orders with their lines. What is planned and has no time stays.
#
# Values that are derived are never stored and so have no field here: an order's total, a record's
# modifiedAt and modifiedBy. Times are microseconds UTC ($unit("us")).
@0xa43ded100c1603f6;

using S = import "/satchel/annotations.capnp";

# ---- Accounts and people

const accountStages :S.StageTable = (
  stages = ["prospect", "active", "dormant", "closed"],
  moves = [(from = "prospect", to = ["active", "dormant", "closed"]),
           (from = "active", to = ["dormant", "closed"]),
           (from = "dormant", to = ["active", "closed"]),
           (from = "closed", to = ["active"])],
  beats = [(stage = "active", over = ["prospect"]),
           (stage = "dormant", over = ["active"]),
           (stage = "closed", over = ["dormant"])],
  serverOnly = ["closed"]);

struct Account $S.collection("accounts") $S.life(editWins)
    $S.scopes(["owner", "territory", "team"]) $S.subjectIf("naturalPerson") {
  name            @0 :Text         $S.merge(multi)  $S.privacy(company) $S.index $S.search;
  legalName       @1 :Text         $S.merge(multi)  $S.privacy(financial);
  taxId           @2 :Text         $S.merge(multi)  $S.privacy(financial);
  type            @3 :Text         $S.merge(lww)    $S.privacy(company) $S.index;
  industry        @4 :Text         $S.merge(lww)    $S.privacy(company) $S.index;
  size            @5 :Text         $S.merge(lww)    $S.privacy(company);
  website         @6 :Text         $S.merge(lww)    $S.privacy(company);
  billingAddress  @7 :S.Address    $S.merge(multi)  $S.privacy(company) $S.search;
  shippingAddress @8 :S.Address    $S.merge(multi)  $S.privacy(company) $S.search;
  position        @9 :S.Position   $S.merge(lww)    $S.privacy(company);
  # By weekday, "mon" to "sun": "08:00-12:30,14:00-18:00".
  openingHours   @10 :S.Map(Text, Text) $S.merge(map) $S.values(lww) $S.privacy(company);
  visitWindows   @11 :S.Map(Text, Text) $S.merge(map) $S.values(lww) $S.privacy(company);
  phones         @12 :List(Text)   $S.merge(set)    $S.privacy(company) $S.search;
  emails         @13 :List(Text)   $S.merge(set)    $S.privacy(company) $S.search;
  parent         @14 :Text         $S.merge(lww)    $S.privacy(company)
                                   $S.ref(to = "accounts", gone = keep) $S.index;
  owner          @15 :Text         $S.merge(server) $S.privacy(company) $S.index;
  territory      @16 :Text         $S.merge(server) $S.privacy(company) $S.index;
  priceList      @17 :Text         $S.merge(server) $S.privacy(company)
                                   $S.ref(to = "priceLists", gone = keep);
  creditLimit    @18 :S.Money      $S.merge(server) $S.privacy(financial);
  paymentTerms   @19 :Text         $S.merge(server) $S.privacy(financial);
  balance        @20 :S.Money      $S.merge(server) $S.privacy(financial);
  paymentHealth  @21 :Text         $S.merge(server) $S.privacy(financial);
  team           @22 :List(Text)   $S.merge(accessSet) $S.privacy(employee);
  status         @23 :Text         $S.merge(stage)  $S.stages(.accountStages) $S.privacy(company)
                                   $S.index;
  lastVisitAt    @24 :Int64        $S.merge(max)    $S.privacy(behavioural) $S.unit("us") $S.index;
  lastOrderAt    @25 :Int64        $S.merge(max)    $S.privacy(behavioural) $S.unit("us") $S.index;
  firstContactAt @26 :Int64        $S.merge(min)    $S.privacy(behavioural) $S.unit("us");
  visitCount     @27 :Int64        $S.merge(counter) $S.privacy(behavioural);
  naturalPerson  @28 :Bool         $S.merge(deny)   $S.privacy(businessContact);
  description    @29 :Text         $S.merge(text)   $S.privacy(special) $S.search;
}

struct Contact $S.collection("contacts") $S.life(editWins)
    $S.scopes(["owner", "account.owner", "account.territory", "account.team"])
    $S.subject(["self"]) {
  name             @0 :S.PersonName $S.merge(multi) $S.privacy(personal) $S.search;
  account          @1 :Text         $S.merge(lww)   $S.privacy(company)
                                    $S.ref(to = "accounts", gone = keep) $S.index;
  jobTitle         @2 :Text         $S.merge(lww)   $S.privacy(businessContact) $S.index $S.search;
  department       @3 :Text         $S.merge(lww)   $S.privacy(businessContact) $S.index;
  language         @4 :Text         $S.merge(lww)   $S.privacy(businessContact) $S.index;
  preferredChannel @5 :Text         $S.merge(lww)   $S.privacy(businessContact);
  bestTime         @6 :Text         $S.merge(lww)   $S.privacy(businessContact);
  timeZone         @7 :Text         $S.merge(lww)   $S.privacy(businessContact);  # IANA name
  birthday         @8 :Text         $S.merge(multi) $S.privacy(personal);         # 1980-12-31
  photo            @9 :S.Attachment $S.merge(lww)   $S.privacy(personal);
  doNotProcess    @10 :Bool         $S.merge(deny)  $S.privacy(businessContact);
  doNotProfile    @11 :Bool         $S.merge(deny)  $S.privacy(businessContact);
  doNotTrack      @12 :Bool         $S.merge(deny)  $S.privacy(businessContact);
  doNotSolicit    @13 :Bool         $S.merge(deny)  $S.privacy(businessContact);
  blockGeo        @14 :Bool         $S.merge(deny)  $S.privacy(businessContact);
  notes           @15 :Text         $S.merge(text)  $S.privacy(special) $S.search;
}

const contactPointStages :S.StageTable = (
  stages = ["unknown", "verified", "bounced", "invalid"],
  moves = [(from = "unknown", to = ["verified", "bounced", "invalid"]),
           (from = "verified", to = ["bounced", "invalid"]),
           (from = "bounced", to = ["verified", "invalid"]),
           (from = "invalid", to = ["verified"])],
  beats = [(stage = "verified", over = ["unknown"]),
           (stage = "bounced", over = ["verified"]),
           (stage = "invalid", over = ["bounced"])]);

struct ContactPoint $S.collection("contactPoints")
    $S.scopes(["contact.owner", "contact.account.owner", "contact.account.territory",
               "contact.account.team"]) $S.subject(["contact"]) {
  contact    @0 :Text  $S.merge(once) $S.ref(to = "contacts", gone = keep) $S.index;
  kind       @1 :Text  $S.merge(once) $S.privacy(businessContact) $S.index;
  value      @2 :Text  $S.merge(once) $S.privacy(businessContact) $S.index $S.search;
  normalized @3 :Text  $S.merge(once) $S.privacy(businessContact) $S.index;
  private    @4 :Bool  $S.merge(deny);
  label      @5 :Text  $S.merge(lww);
  primary    @6 :Bool  $S.merge(lww);
  state      @7 :Text  $S.merge(stage) $S.stages(.contactPointStages) $S.index;
  validTo    @8 :Int64 $S.merge(min) $S.unit("us");
}

struct AccountContact $S.collection("accountContacts")
    $S.scopes(["account.owner", "account.territory", "account.team"]) $S.subject(["contact"]) {
  account         @0 :Text $S.merge(once) $S.privacy(company)
                           $S.ref(to = "accounts", gone = keep) $S.index;
  contact         @1 :Text $S.merge(once) $S.privacy(company)
                           $S.ref(to = "contacts", gone = keep) $S.index;
  role            @2 :Text $S.merge(lww) $S.privacy(businessContact) $S.index;
  isDecisionMaker @3 :Bool $S.merge(lww) $S.privacy(businessContact);
}

# Qualified against disqualified is left open: a person decides.
const leadStages :S.StageTable = (
  stages = ["new", "working", "nurturing", "qualified", "disqualified", "converted"],
  moves = [(from = "new", to = ["working", "nurturing", "qualified", "disqualified", "converted"]),
           (from = "working", to = ["nurturing", "qualified", "disqualified", "converted"]),
           (from = "nurturing", to = ["working", "qualified", "disqualified", "converted"]),
           (from = "qualified", to = ["working", "disqualified", "converted"]),
           (from = "disqualified", to = ["working", "qualified", "converted"])],
  beats = [(stage = "working", over = ["new"]),
           (stage = "nurturing", over = ["working"]),
           (stage = "qualified", over = ["nurturing"]),
           (stage = "disqualified", over = ["nurturing"]),
           (stage = "converted", over = ["qualified", "disqualified"])]);

struct Lead $S.collection("leads") $S.scopes(["owner", "territory"]) $S.subject(["self"]) {
  name        @0 :S.PersonName $S.merge(multi)  $S.privacy(personal) $S.search;
  company     @1 :Text         $S.merge(lww)    $S.privacy(businessContact) $S.index $S.search;
  title       @2 :Text         $S.merge(lww)    $S.privacy(businessContact);
  phone       @3 :Text         $S.merge(lww)    $S.privacy(businessContact) $S.index $S.search;
  email       @4 :Text         $S.merge(lww)    $S.privacy(businessContact) $S.index $S.search;
  source      @5 :Text         $S.merge(once)   $S.privacy(behavioural) $S.index;
  campaign    @6 :Text         $S.merge(once)   $S.privacy(behavioural)
                               $S.ref(to = "campaigns", gone = keep) $S.index;
  lastTouch   @7 :Text         $S.merge(lww)    $S.privacy(behavioural);
  status      @8 :Text         $S.merge(stage)  $S.stages(.leadStages) $S.index;
  convertedTo @9 :Conversion   $S.merge(once);
  score      @10 :Float64      $S.merge(server) $S.privacy(behavioural) $S.index;
  owner      @11 :Text         $S.merge(server) $S.index;
  territory  @12 :Text         $S.merge(server) $S.index;

  struct Conversion {
    account @0 :Text;
    contact @1 :Text;
    opportunity @2 :Text;
  }
}

# ---- Selling

# Won against lost is left open: it counts nothing in the forecast until a manager resolves it.
const pipelineStages :S.StageTable = (
  stages = ["prospecting", "qualification", "proposal", "negotiation", "won", "lost"],
  moves = [(from = "prospecting", to = ["qualification", "proposal", "negotiation", "won", "lost"]),
           (from = "qualification", to = ["prospecting", "proposal", "negotiation", "won", "lost"]),
           (from = "proposal", to = ["prospecting", "qualification", "negotiation", "won", "lost"]),
           (from = "negotiation", to = ["prospecting", "qualification", "proposal", "won", "lost"]),
           (from = "won", to = ["negotiation", "lost"]),
           (from = "lost", to = ["prospecting", "negotiation", "won"])],
  beats = [(stage = "qualification", over = ["prospecting"]),
           (stage = "proposal", over = ["qualification"]),
           (stage = "negotiation", over = ["proposal"]),
           (stage = "won", over = ["negotiation"]),
           (stage = "lost", over = ["negotiation"])],
  needsReason = ["lost"]);

struct Opportunity $S.collection("opportunities")
    $S.scopes(["account.owner", "account.territory", "account.team"]) {
  name             @0 :Text    $S.merge(lww)    $S.privacy(company) $S.index $S.search;
  closeDate        @1 :Int64   $S.merge(lww)    $S.privacy(company) $S.unit("us") $S.index;
  nextStep         @2 :Text    $S.merge(lww)    $S.privacy(company);
  probability      @3 :Float64 $S.merge(lww)    $S.privacy(company);
  forecastCategory @4 :Text    $S.merge(lww)    $S.privacy(company) $S.index;
  account          @5 :Text    $S.merge(lww)    $S.privacy(company)
                               $S.ref(to = "accounts", gone = keep) $S.index;
  primaryContact   @6 :Text    $S.merge(lww)    $S.privacy(company)
                               $S.ref(to = "contacts", gone = keep) $S.index;
  amount           @7 :S.Money $S.merge(multi)  $S.privacy(financial);
  # A contact's id, and the role that this person has in the deal.
  contacts         @8 :S.Map(Text, Text) $S.merge(map) $S.values(lww) $S.privacy(businessContact);
  competitors      @9 :List(Text)  $S.merge(set)   $S.privacy(company);
  pipeline        @10 :Pipeline    $S.merge(stage) $S.stages(.pipelineStages) $S.privacy(company)
                                   $S.index;
  stageHistory    @11 :List(StageEntry) $S.merge(log) $S.privacy(company);
  owner           @12 :Text    $S.merge(server) $S.privacy(company) $S.index;
  territory       @13 :Text    $S.merge(server) $S.privacy(company) $S.index;
  description     @14 :Text    $S.merge(text)   $S.privacy(special) $S.search;

  struct Pipeline {
    stage @0 :Text;
    closedAt @1 :Int64 $S.unit("us");
    lostReason @2 :Text;
  }
  struct StageEntry {
    stage @0 :Text;
    at @1 :Int64 $S.unit("us");
    by @2 :Text;
  }
}

# Cancelled against accepted and later is left open: the goods may be on their way.
const orderStages :S.StageTable = (
  stages = ["draft", "submitted", "accepted", "picked", "shipped", "delivered", "cancelled"],
  moves = [(from = "draft", to = ["submitted", "cancelled"]),
           (from = "submitted", to = ["accepted", "picked", "shipped", "delivered", "cancelled"]),
           (from = "accepted", to = ["picked", "shipped", "delivered", "cancelled"]),
           (from = "picked", to = ["shipped", "delivered", "cancelled"]),
           (from = "shipped", to = ["delivered"])],
  beats = [(stage = "submitted", over = ["draft"]),
           (stage = "accepted", over = ["submitted"]),
           (stage = "picked", over = ["accepted"]),
           (stage = "shipped", over = ["picked"]),
           (stage = "delivered", over = ["shipped"]),
           (stage = "cancelled", over = ["submitted"])],
  serverOnly = ["accepted", "picked", "shipped", "delivered"]);

const submitted :S.Gate = (field = "status", stage = "submitted");
const orderSubmitted :S.Gate = (field = "order.status", stage = "submitted");

# Kept for legal reasons, and its content frozen, from the moment it is submitted.
struct Order $S.collection("orders")
    $S.scopes(["account.owner", "account.territory", "account.team"]) $S.retention(legal)
    $S.retentionFrom(.submitted) $S.history("requestedDelivery") {
  account           @0 :Text      $S.merge(once)    $S.privacy(company)
                                  $S.ref(to = "accounts", gone = keep) $S.index;
  contact           @1 :Text      $S.merge(lww)     $S.privacy(company)
                                  $S.ref(to = "contacts", gone = keep) $S.index;
  status            @2 :Text      $S.merge(stage)   $S.stages(.orderStages) $S.privacy(company)
                                  $S.index;
  number            @3 :Text      $S.merge(server)  $S.privacy(company) $S.index $S.search;
  requestedDelivery @4 :Int64     $S.merge(lww)     $S.privacy(company) $S.unit("us") $S.index
                                  $S.frozenFrom(.submitted);
  poNumber          @5 :Text      $S.merge(lww)     $S.privacy(company) $S.index $S.search
                                  $S.frozenFrom(.submitted);
  note              @6 :Text      $S.merge(lww)     $S.privacy(company)
                                  $S.frozenFrom(.submitted);
  currency          @7 :Text      $S.merge(once)    $S.privacy(company);
  serverTotal       @8 :S.Money   $S.merge(server)  $S.privacy(financial);
  printCount        @9 :Int64     $S.merge(counter) $S.privacy(company);
  signature        @10 :Signature $S.merge(once)    $S.privacy(special);
  payments         @11 :List(Payment) $S.merge(log) $S.privacy(financial);
  owner            @12 :Text      $S.merge(server)  $S.privacy(company) $S.index;
  territory        @13 :Text      $S.merge(server)  $S.privacy(company) $S.index;

  struct Signature {
    image @0 :S.Attachment;
    strokes @1 :Data;
    signer @2 :Text;
    textShown @3 :Text;
  }
  # A reversal is an entry of its own, with a negative amount.
  struct Payment {
    at @0 :Int64 $S.unit("us");
    amount @1 :S.Money;
    method @2 :Text;
    reference @3 :Text;
  }
}

# The content of an order: frozen with it, so that no line is added, changed or taken away.
struct OrderLine $S.collection("orderLines")
    $S.scopes(["order.account.owner", "order.account.territory", "order.account.team"])
    $S.retention(legal) $S.retentionFrom(.orderSubmitted) $S.history("order") {
  order       @0 :Text    $S.merge(once)   $S.privacy(company)
                          $S.ref(to = "orders", gone = keep) $S.index
                          $S.frozenFrom(.orderSubmitted);
  product     @1 :Text    $S.merge(once)   $S.privacy(company)
                          $S.ref(to = "products", gone = keep) $S.index
                          $S.frozenFrom(.orderSubmitted);
  quantity    @2 :Int64   $S.merge(multi)  $S.privacy(company)
                          $S.frozenFrom(.orderSubmitted);  # Two who type 5 mean 5.
  unitPrice   @3 :S.Money $S.merge(multi)  $S.privacy(financial)
                          $S.frozenFrom(.orderSubmitted);
  discount    @4 :Float64 $S.merge(multi)  $S.privacy(financial)
                          $S.frozenFrom(.orderSubmitted);
  priceTrace  @5 :Text    $S.merge(multi)  $S.privacy(financial)
                          $S.frozenFrom(.orderSubmitted);
  serverPrice @6 :S.Money $S.merge(server) $S.privacy(financial);
}

struct Product $S.collection("products") $S.scopes(["all"]) {
  sku         @0 :Text         $S.merge(server) $S.privacy(public) $S.index $S.search;
  name        @1 :Text         $S.merge(server) $S.privacy(public) $S.index $S.search;
  unit        @2 :Text         $S.merge(server) $S.privacy(public);
  category    @3 :Text         $S.merge(server) $S.privacy(public) $S.index;
  taxClass    @4 :Text         $S.merge(server) $S.privacy(public);
  active      @5 :Bool         $S.merge(server) $S.privacy(public) $S.index;
  description @6 :Text         $S.merge(server) $S.privacy(public) $S.search;
  image       @7 :S.Attachment $S.merge(server) $S.privacy(public);
}

# The three kinds of price agreements share their terms. Validity is judged by trusted time.
struct PriceList $S.collection("priceLists") $S.scopes(["all"]) {
  name            @0 :Text    $S.merge(server) $S.privacy(company) $S.index $S.search;
  currency        @1 :Text    $S.merge(server) $S.privacy(company);
  validFrom       @2 :Int64   $S.merge(server) $S.privacy(company) $S.unit("us") $S.index;
  validTo         @3 :Int64   $S.merge(server) $S.privacy(company) $S.unit("us") $S.index;
  product         @4 :Text    $S.merge(server) $S.privacy(company)
                              $S.ref(to = "products", gone = keep) $S.index;
  account         @5 :Text    $S.merge(server) $S.privacy(company)
                              $S.ref(to = "accounts", gone = keep) $S.index;
  minQuantity     @6 :Int64   $S.merge(server) $S.privacy(company);
  price           @7 :S.Money $S.merge(server) $S.privacy(company);
  discountPercent @8 :Float64 $S.merge(server) $S.privacy(company);
  stackable       @9 :Bool    $S.merge(server) $S.privacy(company);
}
struct PriceCondition $S.collection("priceConditions") $S.scopes(["all"]) {
  name            @0 :Text    $S.merge(server) $S.privacy(company) $S.index $S.search;
  currency        @1 :Text    $S.merge(server) $S.privacy(company);
  validFrom       @2 :Int64   $S.merge(server) $S.privacy(company) $S.unit("us") $S.index;
  validTo         @3 :Int64   $S.merge(server) $S.privacy(company) $S.unit("us") $S.index;
  product         @4 :Text    $S.merge(server) $S.privacy(company)
                              $S.ref(to = "products", gone = keep) $S.index;
  account         @5 :Text    $S.merge(server) $S.privacy(company)
                              $S.ref(to = "accounts", gone = keep) $S.index;
  minQuantity     @6 :Int64   $S.merge(server) $S.privacy(company);
  price           @7 :S.Money $S.merge(server) $S.privacy(company);
  discountPercent @8 :Float64 $S.merge(server) $S.privacy(company);
  stackable       @9 :Bool    $S.merge(server) $S.privacy(company);
}
struct Promotion $S.collection("promotions") $S.scopes(["all"]) {
  name            @0 :Text    $S.merge(server) $S.privacy(company) $S.index $S.search;
  currency        @1 :Text    $S.merge(server) $S.privacy(company);
  validFrom       @2 :Int64   $S.merge(server) $S.privacy(company) $S.unit("us") $S.index;
  validTo         @3 :Int64   $S.merge(server) $S.privacy(company) $S.unit("us") $S.index;
  product         @4 :Text    $S.merge(server) $S.privacy(company)
                              $S.ref(to = "products", gone = keep) $S.index;
  account         @5 :Text    $S.merge(server) $S.privacy(company)
                              $S.ref(to = "accounts", gone = keep) $S.index;
  minQuantity     @6 :Int64   $S.merge(server) $S.privacy(company);
  price           @7 :S.Money $S.merge(server) $S.privacy(company);
  discountPercent @8 :Float64 $S.merge(server) $S.privacy(company);
  stackable       @9 :Bool    $S.merge(server) $S.privacy(company);
}

struct StockLevel $S.collection("stockLevels") $S.scopes(["all"]) {
  product  @0 :Text  $S.merge(server) $S.privacy(company)
                     $S.ref(to = "products", gone = keep) $S.index;
  site     @1 :Text  $S.merge(server) $S.privacy(company) $S.index;
  quantity @2 :Int64 $S.merge(server) $S.privacy(company);
  asOf     @3 :Int64 $S.merge(server) $S.privacy(company) $S.unit("us");
}
struct VanStock $S.collection("vanStock") $S.scopes(["owner"]) {
  rep       @0 :Text  $S.merge(once)   $S.privacy(company) $S.index;
  product   @1 :Text  $S.merge(once)   $S.privacy(company)
                      $S.ref(to = "products", gone = keep) $S.index;
  lot       @2 :Text  $S.merge(once)   $S.privacy(company) $S.index;
  remaining @3 :Int64 $S.merge(escrow) $S.privacy(company);
}
struct SampleAllocation $S.collection("sampleAllocations") $S.scopes(["owner"]) {
  rep       @0 :Text  $S.merge(once)   $S.privacy(company) $S.index;
  product   @1 :Text  $S.merge(once)   $S.privacy(company)
                      $S.ref(to = "products", gone = keep) $S.index;
  lot       @2 :Text  $S.merge(once)   $S.privacy(company) $S.index;
  remaining @3 :Int64 $S.merge(escrow) $S.privacy(company);
}

# ---- In the field

# What happened beats what was planned: a visit in progress or completed stands against a
# cancellation.
const visitStages :S.StageTable = (
  stages = ["planned", "accepted", "enRoute", "inProgress", "completed", "skipped", "cancelled"],
  moves = [(from = "planned", to = ["accepted", "enRoute", "inProgress", "completed", "skipped",
                                    "cancelled"]),
           (from = "accepted", to = ["enRoute", "inProgress", "completed", "skipped", "cancelled"]),
           (from = "enRoute", to = ["inProgress", "completed", "skipped", "cancelled"]),
           (from = "inProgress", to = ["completed", "cancelled"]),
           (from = "skipped", to = ["planned"]),
           (from = "cancelled", to = ["planned"])],
  beats = [(stage = "accepted", over = ["planned"]),
           (stage = "enRoute", over = ["accepted"]),
           (stage = "skipped", over = ["enRoute"]),
           (stage = "cancelled", over = ["enRoute"]),
           (stage = "inProgress", over = ["skipped", "cancelled"]),
           (stage = "completed", over = ["inProgress"])]);

struct Visit $S.collection("visits")
    $S.scopes(["account.owner", "account.territory", "account.team", "contact.owner",
               "contact.account.owner", "contact.account.territory", "contact.account.team"])
    $S.agenda((at = "plannedStart", with = ["account", "contact"])) $S.history("plannedStart") {
  account      @0 :Text       $S.merge(once)   $S.privacy(company)
                              $S.ref(to = "accounts", gone = keep) $S.index;
  contact      @1 :Text       $S.merge(once)   $S.privacy(company)
                              $S.ref(to = "contacts", gone = keep) $S.index;
  plannedStart @2 :Int64      $S.merge(lww)    $S.privacy(employee) $S.unit("us") $S.index;
  plannedEnd   @3 :Int64      $S.merge(lww)    $S.privacy(employee) $S.unit("us");
  routeOrder   @4 :Int64      $S.merge(lww)    $S.privacy(employee) $S.index;
  status       @5 :Text       $S.merge(stage)  $S.stages(.visitStages) $S.privacy(employee)
                              $S.index;
  skipReason   @6 :Text       $S.merge(lww)    $S.privacy(company);
  checkIn      @7 :Check      $S.merge(once)   $S.privacy(employee);
  checkOut     @8 :Check      $S.merge(once)   $S.privacy(employee);
  participants @9 :List(Text) $S.merge(set)    $S.privacy(businessContact);
  outcome     @10 :Text       $S.merge(lww)    $S.privacy(behavioural) $S.index;
  photos      @11 :List(S.Attachment) $S.merge(log) $S.privacy(behavioural);
  notes       @12 :Text       $S.merge(text)   $S.privacy(special) $S.search;
  owner       @13 :Text       $S.merge(server) $S.privacy(company) $S.index;
  territory   @14 :Text       $S.merge(server) $S.privacy(company) $S.index;

  struct Check {
    at @0 :Int64 $S.unit("us");
    position @1 :S.Position;
    mock @2 :Bool;                  # The device said that its position was made up.
    accountPosition @3 :S.Position;
  }
}

struct Survey $S.collection("surveys") $S.scopes(["all"]) {
  title     @0 :Text           $S.merge(server) $S.privacy(public) $S.index $S.search;
  questions @1 :List(Question) $S.merge(server) $S.privacy(public);
  version   @2 :Int64          $S.merge(server) $S.privacy(public);

  struct Question {
    key @0 :Text;
    text @1 :Text;
    kind @2 :Text;
    choices @3 :List(Text);
    mandatory @4 :Bool;
  }
}
struct Answer {
  question @0 :Text;
  value @1 :Text;
}
struct SurveyResponse $S.collection("surveyResponses")
    $S.scopes(["visit.account.owner", "visit.account.territory", "visit.account.team",
               "visit.contact.owner", "visit.contact.account.owner",
               "visit.contact.account.territory", "visit.contact.account.team"])
    $S.history("visit") {
  visit   @0 :Text         $S.merge(once) $S.privacy(company)
                           $S.ref(to = "visits", gone = keep) $S.index;
  survey  @1 :Text         $S.merge(once) $S.privacy(company)
                           $S.ref(to = "surveys", gone = keep) $S.index;
  answers @2 :List(Answer) $S.merge(once) $S.privacy(company);
}
struct ShelfAudit $S.collection("shelfAudits")
    $S.scopes(["visit.account.owner", "visit.account.territory", "visit.account.team",
               "visit.contact.owner", "visit.contact.account.owner",
               "visit.contact.account.territory", "visit.contact.account.team"])
    $S.history("visit") {
  visit   @0 :Text         $S.merge(once) $S.privacy(company)
                           $S.ref(to = "visits", gone = keep) $S.index;
  survey  @1 :Text         $S.merge(once) $S.privacy(company)
                           $S.ref(to = "surveys", gone = keep) $S.index;
  answers @2 :List(Answer) $S.merge(once) $S.privacy(company);
}
struct StockCount $S.collection("stockCounts")
    $S.scopes(["visit.account.owner", "visit.account.territory", "visit.account.team",
               "visit.contact.owner", "visit.contact.account.owner",
               "visit.contact.account.territory", "visit.contact.account.team"])
    $S.history("visit") {
  visit   @0 :Text         $S.merge(once) $S.privacy(company)
                           $S.ref(to = "visits", gone = keep) $S.index;
  survey  @1 :Text         $S.merge(once) $S.privacy(company)
                           $S.ref(to = "surveys", gone = keep) $S.index;
  answers @2 :List(Answer) $S.merge(once) $S.privacy(company);
}

const taskStages :S.StageTable = (
  stages = ["open", "inProgress", "done", "cancelled"],
  moves = [(from = "open", to = ["inProgress", "done", "cancelled"]),
           (from = "inProgress", to = ["open", "done", "cancelled"]),
           (from = "done", to = ["open"]),
           (from = "cancelled", to = ["open"])],
  beats = [(stage = "inProgress", over = ["open"]),
           (stage = "cancelled", over = ["inProgress"]),
           (stage = "done", over = ["cancelled"])]);

struct Task $S.collection("tasks")
    $S.scopes(["assignee", "account.owner", "account.territory", "account.team", "contact.owner",
               "contact.account.owner", "contact.account.territory", "contact.account.team"]) {
  title     @0 :Text  $S.merge(lww)   $S.privacy(behavioural) $S.index $S.search;
  due       @1 :Int64 $S.merge(lww)   $S.privacy(behavioural) $S.unit("us") $S.index;
  priority  @2 :Text  $S.merge(lww)   $S.privacy(behavioural) $S.index;
  account   @3 :Text  $S.merge(lww)   $S.privacy(behavioural)
                      $S.ref(to = "accounts", gone = keep) $S.index;
  contact   @4 :Text  $S.merge(lww)   $S.privacy(behavioural)
                      $S.ref(to = "contacts", gone = keep) $S.index;
  status    @5 :Text  $S.merge(stage) $S.stages(.taskStages) $S.privacy(company) $S.index;
  # What is to be done, and when it was last ticked.
  checklist @6 :S.Map(Text, S.Integer) $S.merge(map) $S.values(max) $S.privacy(company)
                      $S.unit("us");
  assignee  @7 :Text  $S.merge(lww)   $S.privacy(employee) $S.index;
}

struct Interaction $S.collection("interactions")
    $S.scopes(["account.owner", "account.territory", "account.team", "contact.owner",
               "contact.account.owner", "contact.account.territory", "contact.account.team"])
    $S.history("at") {
  channel     @0 :Text  $S.merge(once) $S.privacy(behavioural) $S.index;
  direction   @1 :Text  $S.merge(once) $S.privacy(behavioural);
  at          @2 :Int64 $S.merge(once) $S.privacy(behavioural) $S.unit("us") $S.index;
  account     @3 :Text  $S.merge(once) $S.privacy(behavioural)
                        $S.ref(to = "accounts", gone = keep) $S.index;
  contact     @4 :Text  $S.merge(once) $S.privacy(behavioural)
                        $S.ref(to = "contacts", gone = keep) $S.index;
  subjectLine @5 :Text  $S.merge(once) $S.privacy(behavioural) $S.search;
  purpose     @6 :Text  $S.merge(once) $S.privacy(behavioural);
  decision    @7 :Text  $S.merge(once) $S.privacy(behavioural);
  # A contact's id or a name, and what this person was there.
  attendees   @8 :S.Map(Text, Text) $S.merge(map) $S.values(lww) $S.privacy(businessContact);
  body        @9 :Text  $S.merge(once) $S.privacy(special) $S.search;
}

const caseStages :S.StageTable = (
  stages = ["new", "open", "pending", "resolved", "closed"],
  moves = [(from = "new", to = ["open", "pending", "resolved", "closed"]),
           (from = "open", to = ["pending", "resolved", "closed"]),
           (from = "pending", to = ["open", "resolved", "closed"]),
           (from = "resolved", to = ["open", "closed"]),
           (from = "closed", to = ["open"])],
  beats = [(stage = "open", over = ["new"]),
           (stage = "pending", over = ["open"]),
           (stage = "resolved", over = ["pending"]),
           (stage = "closed", over = ["resolved"])]);

struct Case $S.collection("cases")
    $S.scopes(["account.owner", "account.territory", "account.team", "contact.owner",
               "contact.account.owner", "contact.account.territory", "contact.account.team"]) {
  title    @0 :Text  $S.merge(lww)    $S.privacy(behavioural) $S.index $S.search;
  priority @1 :Text  $S.merge(lww)    $S.privacy(behavioural) $S.index;
  account  @2 :Text  $S.merge(lww)    $S.privacy(behavioural)
                     $S.ref(to = "accounts", gone = keep) $S.index;
  contact  @3 :Text  $S.merge(lww)    $S.privacy(behavioural)
                     $S.ref(to = "contacts", gone = keep) $S.index;
  status   @4 :Text  $S.merge(stage)  $S.stages(.caseStages) $S.privacy(company) $S.index;
  comments @5 :List(Comment) $S.merge(log) $S.privacy(special)
                     $S.reopens(field = "status", stage = "resolved", to = "open");
  slaDue   @6 :Int64 $S.merge(server) $S.privacy(company) $S.unit("us") $S.index;

  struct Comment {
    at @0 :Int64 $S.unit("us");
    by @1 :Text;
    text @2 :Text;
  }
}

# ---- Marketing

struct Campaign $S.collection("campaigns") $S.scopes(["all"]) {
  name    @0 :Text  $S.merge(server) $S.privacy(company) $S.index $S.search;
  channel @1 :Text  $S.merge(server) $S.privacy(company) $S.index;
  purpose @2 :Text  $S.merge(server) $S.privacy(company);
  from    @3 :Int64 $S.merge(server) $S.privacy(company) $S.unit("us") $S.index;
  to      @4 :Int64 $S.merge(server) $S.privacy(company) $S.unit("us") $S.index;
}
struct Segment $S.collection("segments") $S.scopes(["owner"]) {
  name    @0 :Text       $S.merge(server) $S.privacy(company) $S.index $S.search;
  channel @1 :Text       $S.merge(server) $S.privacy(company) $S.index;
  purpose @2 :Text       $S.merge(server) $S.privacy(company);
  from    @3 :Int64      $S.merge(server) $S.privacy(company) $S.unit("us") $S.index;
  to      @4 :Int64      $S.merge(server) $S.privacy(company) $S.unit("us") $S.index;
  members @5 :List(Text) $S.merge(server) $S.privacy(behavioural);
}

const memberStages :S.StageTable = (
  stages = ["sent", "opened", "responded", "unsubscribed"],
  moves = [(from = "sent", to = ["opened", "responded", "unsubscribed"]),
           (from = "opened", to = ["responded", "unsubscribed"]),
           (from = "responded", to = ["unsubscribed"])],
  beats = [(stage = "opened", over = ["sent"]),
           (stage = "responded", over = ["opened"]),
           (stage = "unsubscribed", over = ["responded"])]);

struct CampaignMember $S.collection("campaignMembers")
    $S.scopes(["contact.owner", "contact.account.owner", "contact.account.territory",
               "contact.account.team"]) {
  campaign @0 :Text $S.merge(once)  $S.privacy(behavioural)
                    $S.ref(to = "campaigns", gone = keep) $S.index;
  contact  @1 :Text $S.merge(once)  $S.privacy(behavioural)
                    $S.ref(to = "contacts", gone = keep) $S.index;
  status   @2 :Text $S.merge(stage) $S.stages(.memberStages) $S.privacy(behavioural) $S.index;
}

struct Article $S.collection("articles") $S.scopes(["all"]) {
  title         @0 :Text         $S.merge(server) $S.privacy(public) $S.index $S.search;
  body          @1 :Text         $S.merge(server) $S.privacy(public) $S.search;
  language      @2 :Text         $S.merge(server) $S.privacy(public) $S.index;
  approvedUntil @3 :Int64        $S.merge(server) $S.privacy(public) $S.unit("us") $S.index;
  attachment    @4 :S.Attachment $S.merge(server) $S.privacy(public);
}

# ---- Consent and data quality

# What a data subject decided. Grow-only: nothing in an event is ever written again.
struct ConsentEvent $S.collection("consentEvents")
    $S.scopes(["subject.owner", "subject.account.owner", "subject.account.territory",
               "subject.account.team"]) $S.subject(["subject"]) $S.retention(evidence) {
  subject      @0 :Text       $S.merge(once) $S.ref(to = "contacts", gone = keep) $S.index;
  controller   @1 :Text       $S.merge(once);
  kind         @2 :Text       $S.merge(once) $S.index;
  purpose      @3 :Text       $S.merge(once) $S.index;
  channel      @4 :Text       $S.merge(once);
  contactPoint @5 :Text       $S.merge(once);
  parents      @6 :List(Text) $S.merge(once);
  supersedes   @7 :List(Text) $S.merge(once);
  at           @8 :Int64      $S.merge(once) $S.unit("us") $S.index;
  validFrom    @9 :Int64      $S.merge(once) $S.unit("us");
  validTo     @10 :Int64      $S.merge(once) $S.unit("us");
  form        @11 :Text       $S.merge(once);  # The hash of the text that the person saw.
  evidence    @12 :Text       $S.merge(once);
  assurance   @13 :Text       $S.merge(once);
  actor       @14 :Text       $S.merge(once) $S.privacy(employee);
  signingKey  @15 :Text       $S.merge(once);
  nonce       @16 :Data       $S.merge(once);
  signature   @17 :Data       $S.merge(once);
}
struct ConsentForm $S.collection("consentForms") $S.scopes(["all"]) {
  title    @0 :Text  $S.merge(server) $S.privacy(company) $S.index $S.search;
  text     @1 :Text  $S.merge(server) $S.privacy(company);
  language @2 :Text  $S.merge(server) $S.privacy(company) $S.index;
  version  @3 :Int64 $S.merge(server) $S.privacy(company);
  hash     @4 :Text  $S.merge(server) $S.privacy(company) $S.index;
}

# Confirmed against rejected is left open: a person decides.
const verdictStages :S.StageTable = (
  stages = ["suspected", "confirmed", "rejected"],
  moves = [(from = "suspected", to = ["confirmed", "rejected"]),
           (from = "confirmed", to = ["suspected", "rejected"]),
           (from = "rejected", to = ["suspected", "confirmed"])],
  beats = [(stage = "confirmed", over = ["suspected"]),
           (stage = "rejected", over = ["suspected"])]);

struct DuplicateLink $S.collection("duplicateLinks") $S.scopes(["owner"]) {
  left    @0 :Text    $S.merge(once)  $S.privacy(personal) $S.index;
  right   @1 :Text    $S.merge(once)  $S.privacy(personal) $S.index;
  score   @2 :Float64 $S.merge(once)  $S.privacy(personal) $S.index;
  verdict @3 :Text    $S.merge(stage) $S.stages(.verdictStages) $S.privacy(personal) $S.index;
}

# ---- The organisation

struct User $S.collection("users") $S.scopes(["all"]) {
  name        @0 :Text       $S.merge(server) $S.privacy(employee) $S.index $S.search;
  role        @1 :Text       $S.merge(server) $S.privacy(employee) $S.index;
  territories @2 :List(Text) $S.merge(server) $S.privacy(employee);
  email       @3 :Text       $S.merge(server) $S.privacy(employee) $S.index;
  active      @4 :Bool       $S.merge(server) $S.privacy(employee) $S.index;
}
struct Territory $S.collection("territories") $S.scopes(["all"]) {
  name   @0 :Text $S.merge(server) $S.privacy(company) $S.index $S.search;
  parent @1 :Text $S.merge(server) $S.privacy(company)
                  $S.ref(to = "territories", gone = keep) $S.index;
}
struct Target $S.collection("targets") $S.scopes(["owner"]) {
  owner  @0 :Text    $S.merge(server) $S.privacy(employee) $S.index;
  period @1 :Text    $S.merge(server) $S.privacy(employee) $S.index;
  amount @2 :S.Money $S.merge(server) $S.privacy(employee);
}
