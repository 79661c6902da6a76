/** Where the server is: the one line that a city sets, beside the appid in project.config.json. */
export const SERVER = "https://linli.example.cn";
