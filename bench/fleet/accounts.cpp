#include "bench/fleet/accounts.hpp"

#include <cstdint>
#include <cstdio>
#include <fstream>

namespace satchel::bench {
namespace {

constexpr std::uint64_t kFirstMs = 1'760'000'000'000;

std::uint64_t scattered(std::uint64_t number) {
  number = (number + 1) * 0x9E3779B97F4A7C15ULL;
  return number ^ (number >> 29);
}

std::string word(std::uint64_t number) {
  static const char* const kWords[] = {"Alpen", "Nord",  "Hafen",  "Markt", "Berg", "Tal",
                                       "Stern", "Linde", "Quell",  "Stein", "Wald", "Feld",
                                       "Brunn", "Licht", "Silber", "Gold"};
  const std::uint64_t bits = scattered(number);
  return std::string{kWords[bits >> 60]} + kWords[(bits >> 52) & 15] +
         std::to_string((bits >> 30) % 1000);
}

}  // namespace

std::string account_id(std::size_t number) {
  const std::uint64_t ms = kFirstMs + number / 8;
  const std::uint64_t random = scattered(number * 2 + 1);
  char text[40];
  std::snprintf(text, sizeof text, "%08x-%04x-7%03x-8%03x-%012llx", static_cast<unsigned>(ms >> 16),
                static_cast<unsigned>(ms & 0xFFFF), static_cast<unsigned>(random >> 52),
                static_cast<unsigned>(number & 0xFFF),
                static_cast<unsigned long long>(scattered(number) & 0xFFFFFFFFFFFFULL));
  return text;
}

std::string account_line(std::size_t number) {
  const auto quoted = [](const std::string& name, const std::string& value) {
    return "\"" + name + "\":\"" + value + "\"";
  };
  std::string line = "{" + quoted("id", account_id(number));
  line += "," + quoted("name", word(number) + " Handelsgesellschaft mbH & Co. KG");
  line += "," + quoted("type", number % 3 == 0 ? "wholesale" : "retail");
  line += "," + quoted("industry", number % 5 == 0 ? "food and beverages" : "steel");
  line +=
      "," + quoted("website", "https://www." + word(number) + ".example/" + std::to_string(number));
  line += ",\"billingAddress\":{" +
          quoted("street", word(number + 1) + "strasse " + std::to_string(number % 90)) + "," +
          quoted("city", word(number % 500)) + "," +
          quoted("postalCode", std::to_string(10000 + number % 80000)) + "," +
          quoted("country", "DE") + "}";
  line += "," + quoted("owner", "rep" + std::to_string(number % kOwners));
  line += "," + quoted("territory", territory_name(number));
  line += "," + quoted("status", "prospect");
  line += ",\"phones\":[\"+49 30 " + std::to_string(1'000'000 + number * 7919 % 8'999'999) + "\"]";
  line += ",\"emails\":[\"info@" + word(number) + ".example\"]";
  line += ",\"lastVisitAt\":" + std::to_string(1'759'000'000'000'000 + number * 1'000'003);
  line += ",\"visitCount\":" + std::to_string(number % 40) + "}";
  return line;
}

double write_accounts(const std::string& file, std::size_t first, std::size_t end) {
  std::ofstream out{file, std::ios::trunc};
  std::size_t bytes = 0;
  for (std::size_t number = first; number < end; ++number) {
    const std::string line = account_line(number);
    bytes += line.size();
    out << line << '\n';
  }
  return static_cast<double>(bytes) / static_cast<double>(end - first);
}

std::string company_territory(std::size_t number) {
  if (number < kDayAccounts) return "Day";
  if (number < kSpecialAccounts) {
    return "P" + std::to_string((number - kDayAccounts) / kPusherAccounts);
  }
  return territory_name(number);
}

double write_company(const std::string& file, std::size_t end) {
  std::ofstream out{file, std::ios::trunc};
  out << "id,name,type,industry,website,billingAddress.street,billingAddress.city,"
         "billingAddress.postalCode,billingAddress.country,owner,territory,status,phones,emails,"
         "lastVisitAt,visitCount\n";
  const auto begun = out.tellp();
  for (std::size_t n = 0; n < end; ++n) {
    const std::string name = word(n);
    out << account_id(n) << ",\"" << name << " Handelsgesellschaft mbH & Co. KG\","
        << (n % 3 == 0 ? "wholesale" : "retail") << ','
        << (n % 5 == 0 ? "food and beverages" : "steel") << ",https://www." << name << ".example/"
        << n << ',' << word(n + 1) << "strasse " << n % 90 << ',' << word(n % 500) << ','
        << 10000 + n % 80000 << ",DE,rep" << n % kOwners << ',' << company_territory(n)
        << ",prospect,\"[\"\"+49 30 " << 1'000'000 + n * 7919 % 8'999'999 << "\"\"]\",\"[\"\"info@"
        << name << ".example\"\"]\"," << 1'759'000'000'000'000 + n * 1'000'003 << ',' << n % 40
        << '\n';
  }
  return static_cast<double>(out.tellp() - begun) / static_cast<double>(end);
}

std::string visit_id(std::size_t number) { return account_id(1'000'000'000 + number); }

void write_day(const std::string& file, const std::string& owner, std::int64_t now_us) {
  std::ofstream out{file, std::ios::trunc};
  for (std::size_t n = 0; n < kDayVisits; ++n) {
    out << "{\"id\":\"" << visit_id(n) << "\",\"account\":\"" << account_id(n * 97)
        << "\",\"plannedStart\":" << now_us << ",\"status\":\"planned\",\"owner\":\"" << owner
        << "\"}\n";
  }
}

}  // namespace satchel::bench
